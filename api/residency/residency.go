// Package residency reads the walls that namespaces have around them: which clusters everything in a
// namespace may run in and be reached in. It knows nothing of who enforces them.
package residency

import (
	"fmt"

	"k8s.io/apimachinery/pkg/labels"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
)

// Wall is which clusters are inside. The zero value is no wall: every cluster is.
type Wall struct {
	text     string
	selector labels.Selector
}

// Parse reads the value of the annotation: a selector of labels, as kubectl's --selector. An empty one
// is an error: whoever writes the annotation wants a wall.
func Parse(text string) (Wall, error) {
	selector, err := labels.Parse(text)
	if err != nil {
		return Wall{}, fmt.Errorf("must be a selector of labels of Clusters, such as geo=eu or \"geo in (eu, ch)\": %w", err)
	}
	if selector.Empty() {
		return Wall{}, fmt.Errorf("must select something, such as geo=eu; remove the annotation to have no wall")
	}
	return Wall{text: text, selector: selector}, nil
}

// Of is the wall that the annotations of a namespace draw. One that can not be read lets nothing in,
// and comes with the error that says so: no cluster is better than all of them.
func Of(annotations map[string]string) (Wall, error) {
	text, drawn := annotations[names.ResidencyAnnotation]
	if !drawn {
		return Wall{}, nil
	}
	wall, err := Parse(text)
	if err != nil {
		return Wall{text: text, selector: labels.Nothing()}, fmt.Errorf("metadata.annotations[%s]: %w", names.ResidencyAnnotation, err)
	}
	return wall, nil
}

// Inside says whether a cluster is.
func (w Wall) Inside(c *clusterv1alpha1.Cluster) bool {
	return w.selector == nil || w.selector.Matches(labels.Set(c.Labels))
}

// Stands says whether there is a wall.
func (w Wall) Stands() bool { return w.selector != nil }

// String is the selector as it was written.
func (w Wall) String() string { return w.text }
