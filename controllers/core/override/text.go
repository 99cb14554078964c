package override

import (
	"bytes"
	"encoding/json"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

// overrideText changes a document that is kept as text in a string field.
func overrideText(obj *unstructured.Unstructured, o *policyv1alpha1.FieldOverrider, path *field.Path) error {
	if (len(o.JSON) > 0) == (len(o.YAML) > 0) {
		return field.Required(path, "set either json or yaml, whichever the text is written in")
	}
	return changeString(obj, o.FieldPath, path.Child("fieldPath"), func(text string) (string, error) {
		if len(o.JSON) > 0 {
			return changeJSON(text, o, path)
		}
		return changeYAML(text, o, path)
	})
}

func changeJSON(text string, o *policyv1alpha1.FieldOverrider, path *field.Path) (string, error) {
	var document any
	if err := utiljson.Unmarshal([]byte(text), &document); err != nil {
		return "", field.Invalid(path.Child("fieldPath"), o.FieldPath, "the text there is no JSON: "+err.Error())
	}
	for i, op := range o.JSON {
		var err error
		if document, err = patchText(document, op.SubPath, operation{op.Operator, op.Value}, path.Child("json").Index(i)); err != nil {
			return "", err
		}
	}
	// not json.Marshal, which would write < as \u003c into what may be a script
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(document); err != nil {
		return "", field.InternalError(path, err)
	}
	return string(bytes.TrimSuffix(out.Bytes(), []byte("\n"))), nil
}

func changeYAML(text string, o *policyv1alpha1.FieldOverrider, path *field.Path) (string, error) {
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		return "", field.Invalid(path.Child("fieldPath"), o.FieldPath, "the text there is no YAML: "+err.Error())
	}
	var document any
	if err := utiljson.Unmarshal(data, &document); err != nil {
		return "", field.Invalid(path.Child("fieldPath"), o.FieldPath, "the text there is no YAML: "+err.Error())
	}
	for i, op := range o.YAML {
		if document, err = patchText(document, op.SubPath, operation{op.Operator, op.Value}, path.Child("yaml").Index(i)); err != nil {
			return "", err
		}
	}
	out, err := yaml.Marshal(document)
	if err != nil {
		return "", field.InternalError(path, err)
	}
	return string(out), nil
}

func patchText(document any, subPath string, op operation, path *field.Path) (any, error) {
	p, err := parse(subPath)
	if err != nil {
		return nil, field.Invalid(path.Child("subPath"), subPath, err.Error())
	}
	changed, bad := op.apply(document, p)
	return changed, bad.at(path.Child("subPath"), subPath, path.Child("value"), op.value)
}
