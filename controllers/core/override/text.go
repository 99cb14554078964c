package override

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"strings"

	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

// text is a document that is kept as text in a string field.
type text struct {
	slot     slot
	yaml     bool
	document any
	// path is the overrider that changed it last.
	path *field.Path
}

// text changes a document that is kept as text in a string field. The document is written back when
// something else may look at it, so that many overriders of one text read it once.
func (a *application) text(o *policyv1alpha1.FieldOverrider, path *field.Path) error {
	if (len(o.JSON) > 0) == (len(o.YAML) > 0) {
		return field.Required(path, "set either json or yaml, whichever the text is written in")
	}
	t, err := a.readText(o, path)
	if err != nil {
		return err
	}
	for i, op := range o.JSON {
		if err := a.patchText(t, op.SubPath, op.Operator, op.Value, path.Child("json").Index(i)); err != nil {
			return err
		}
	}
	for i, op := range o.YAML {
		if err := a.patchText(t, op.SubPath, op.Operator, op.Value, path.Child("yaml").Index(i)); err != nil {
			return err
		}
	}
	t.path = path
	return nil
}

// readText returns the document at the overrider's path.
func (a *application) readText(o *policyv1alpha1.FieldOverrider, path *field.Path) (*text, error) {
	at := path.Child("fieldPath")
	s, content, err := a.locate(o.FieldPath, at)
	if err != nil {
		return nil, err
	}
	if t := a.texts[s.place()]; t != nil {
		if t.yaml == (len(o.YAML) > 0) {
			return t, nil
		}
		if err := t.write(); err != nil {
			return nil, err
		}
		content, _ = s.get().(string)
	}
	if err := a.spend(len(content), at); err != nil {
		return nil, err
	}
	t := &text{slot: s, yaml: len(o.YAML) > 0, path: path}
	format, read := "JSON", readJSON
	if t.yaml {
		format, read = "YAML", readYAML
	}
	size := 0
	if t.document, size, err = read(content); err != nil {
		return nil, field.Invalid(at, o.FieldPath, "the text there is no "+format+": "+a.quotable(err).Error())
	}
	if a.texts == nil {
		a.texts = map[place]*text{}
	}
	a.texts[s.place()] = t
	return t, a.spend(size, at)
}

func readJSON(content string) (document any, size int, err error) {
	err = utiljson.Unmarshal([]byte(content), &document)
	return document, len(content), err
}

// readYAML reads a YAML document; its size is what it is without aliases.
func readYAML(content string) (document any, size int, err error) {
	if err := oneDocument(content); err != nil {
		return nil, 0, err
	}
	data, err := yaml.YAMLToJSON([]byte(content))
	if err != nil {
		return nil, 0, err
	}
	err = utiljson.Unmarshal(data, &document)
	return document, len(data), err
}

// oneDocument refuses what would otherwise be cut off after the first document.
func oneDocument(content string) error {
	if !strings.Contains(content, "\n---") {
		return nil
	}
	documents := 0
	for reader := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(content))); ; {
		document, err := reader.Read()
		if says(document) {
			documents++
		}
		if documents > 1 {
			return errors.New("it holds several documents, of which a path can not name one")
		}
		if err != nil {
			return nil // the end
		}
	}
}

// says tells whether a YAML document has more in it than comments.
func says(document []byte) bool {
	for line := range bytes.Lines(document) {
		line = bytes.TrimSpace(line)
		if len(line) > 0 && line[0] != '#' && !bytes.Equal(line, []byte("---")) {
			return true
		}
	}
	return false
}

func (a *application) patchText(t *text, subPath string, operator policyv1alpha1.OverriderOperator, value policyv1alpha1.JSON, path *field.Path) error {
	p, err := parse(subPath)
	if err != nil {
		return field.Invalid(path.Child("subPath"), subPath, err.Error())
	}
	op := operation{operator: operator}
	bad := op.decode(value)
	if bad == nil {
		t.document, bad = op.apply(t.document, p)
	}
	if bad != nil {
		return bad.at(path.Child("subPath"), subPath, path.Child("value"), value)
	}
	return a.spend(op.cost, path)
}

// writeTexts writes all documents back.
func (a *application) writeTexts() error {
	for _, t := range a.texts {
		if err := t.write(); err != nil {
			return err
		}
	}
	clear(a.texts)
	return nil
}

func (t *text) write() error {
	if t.yaml {
		out, err := yaml.Marshal(t.document)
		if err != nil {
			return field.InternalError(t.path, err)
		}
		t.slot.set(string(out))
		return nil
	}
	// not json.Marshal, which would write < as \u003c into what may be a script
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(t.document); err != nil {
		return field.InternalError(t.path, err)
	}
	t.slot.set(string(bytes.TrimSuffix(out.Bytes(), []byte("\n"))))
	return nil
}
