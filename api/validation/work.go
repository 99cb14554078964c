package validation

import (
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/seaway-io/seaway/api/manifest"
	"github.com/seaway-io/seaway/api/names"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
)

// DefaultWork gives a Work its permanent id, unless it has one, and prunes and marks
// its manifests. A manifest that is not an object is left as it is, for ValidateWork
// to name.
func DefaultWork(w *workv1alpha1.Work, permanentID string) {
	identify(w, names.WorkPermanentID, permanentID)
	manifests := w.Spec.Workload.Manifests
	for i := range manifests {
		obj, err := decodeManifest(manifests[i])
		if err != nil {
			continue
		}
		manifest.Prune(obj)
		manifest.Mark(obj, w)
		raw, err := json.Marshal(obj.Object)
		if err != nil {
			continue // decoded from JSON, so it encodes
		}
		manifests[i].Raw, manifests[i].Object = raw, nil
	}
}

// ValidateWork checks a Work after DefaultWork.
func ValidateWork(w, old *workv1alpha1.Work) field.ErrorList {
	var before map[string]string
	if old != nil {
		before = old.Labels
	}
	errs := validateIdentity(w, before, names.WorkPermanentID)
	path := field.NewPath("spec", "workload", "manifests")
	for i, m := range w.Spec.Workload.Manifests {
		obj, err := decodeManifest(m)
		if err != nil {
			errs = append(errs, field.Invalid(path.Index(i), "", err.Error()))
			continue
		}
		if obj.GetAPIVersion() == "" {
			errs = append(errs, field.Required(path.Index(i).Child("apiVersion"), "a manifest says what it is"))
		}
		if obj.GetKind() == "" {
			errs = append(errs, field.Required(path.Index(i).Child("kind"), "a manifest says what it is"))
		}
		if obj.GetName() == "" {
			errs = append(errs, field.Required(path.Index(i).Child("metadata", "name"), "a manifest has a name; names are not generated in members"))
		}
	}
	return errs
}

func decodeManifest(m workv1alpha1.Manifest) (*unstructured.Unstructured, error) {
	raw := m.Raw
	if raw == nil && m.Object != nil {
		var err error
		if raw, err = json.Marshal(m.Object); err != nil {
			return nil, fmt.Errorf("manifest can not be encoded: %w", err)
		}
	}
	obj := &unstructured.Unstructured{}
	// This decoder keeps whole numbers whole.
	if err := json.Unmarshal(raw, &obj.Object); err != nil {
		return nil, fmt.Errorf("a manifest must be a JSON object: %w", err)
	}
	if obj.Object == nil {
		return nil, errors.New("a manifest must be a JSON object; remove the empty item")
	}
	return obj, nil
}
