package claim

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seaway-io/seaway/api/names"
)

// Stamp tells apart what a binding is built from. Two equal stamps build the same binding. It is kept
// on the binding (names.BuiltFromAnnotation), so that neither a restart nor a change that does not
// count makes anybody build it again.
type Stamp struct {
	// Template stands for everything of the template but its status.
	Template string
	// Edit stands for what users write: Template without the marks of the federation.
	Edit string
	// Policy stands for what of the policy goes into the binding.
	Policy string
}

// NewStamp stamps a template and its policy. It is false when the template's metadata does not tell:
// kinds without a generation have to be read whole, as *unstructured.Unstructured.
func NewStamp(obj metav1.Object, p *Policy) (Stamp, bool) {
	content, ok := contentOf(obj)
	if !ok {
		return Stamp{}, false
	}
	return Stamp{
		Template: digest(obj.GetUID(), content, those(obj.GetLabels(), all), those(obj.GetAnnotations(), all)),
		Edit:     digest(obj.GetUID(), content, those(obj.GetLabels(), byUsers), those(obj.GetAnnotations(), byUsers)),
		Policy:   p.stamp,
	}, true
}

// contentOf is what changes with the template outside of its metadata and its status.
func contentOf(obj metav1.Object) (any, bool) {
	if g := obj.GetGeneration(); g > 0 {
		return g, true
	}
	body, ok := obj.(*unstructured.Unstructured)
	if !ok {
		return nil, false
	}
	content := make(map[string]any, len(body.Object))
	for k, v := range body.Object {
		if k != "status" && k != "metadata" {
			content[k] = v
		}
	}
	return content, true
}

// digest is 64 bits of the JSON of the parts, whose maps are sorted.
func digest(parts ...any) string {
	h := fnv.New64a()
	if err := json.NewEncoder(h).Encode(parts); err != nil {
		return "" // not reached: the parts came from JSON
	}
	return fmt.Sprintf("%016x", h.Sum64())
}

// those are the entries with the keys that count; never nil, for nil and empty are the same.
func those(m map[string]string, counts func(key string) bool) map[string]string {
	out := make(map[string]string, len(m))
	for k, v := range m {
		if counts(k) {
			out[k] = v
		}
	}
	return out
}

func all(string) bool { return true }

// byUsers leaves out what the federation writes.
func byUsers(key string) bool {
	return !strings.Contains(key, ".karmada.io") || key == names.SkipAutoPropagationLabel
}

// String is the annotation's value.
func (s Stamp) String() string { return s.Template + " " + s.Edit + " " + s.Policy }

// StampOf reads the stamp of a binding; a zero one when it has none that makes sense.
func StampOf(binding metav1.Object) Stamp {
	parts := strings.Fields(binding.GetAnnotations()[names.BuiltFromAnnotation])
	if len(parts) != 3 {
		return Stamp{}
	}
	return Stamp{Template: parts[0], Edit: parts[1], Policy: parts[2]}
}

// Outdated says whether a binding with the stamp before has to be built again. A lazy policy waits
// for the next edit by a user, whatever else has changed.
func (s Stamp) Outdated(before Stamp, p *Policy) bool {
	if p.Lazy() && before != (Stamp{}) {
		return s.Edit != before.Edit
	}
	return s != before
}

// Counts says whether an update of a template may matter, going by its metadata: anything but
// status, managedFields and resourceVersion. What has no generation may always have changed.
func Counts(before, after metav1.Object) bool {
	if after.GetGeneration() == 0 || before.GetGeneration() != after.GetGeneration() || before.GetUID() != after.GetUID() {
		return before.GetResourceVersion() != after.GetResourceVersion()
	}
	return (before.GetDeletionTimestamp() == nil) != (after.GetDeletionTimestamp() == nil) ||
		!maps.Equal(before.GetLabels(), after.GetLabels()) || !maps.Equal(before.GetAnnotations(), after.GetAnnotations())
}
