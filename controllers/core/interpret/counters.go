package interpret

import (
	"encoding/json"
	"fmt"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/seaway-io/seaway/api/names"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// counters is the status of a kind that is, as far as we care, a handful of numbers which add up.
type counters struct {
	fields []string
	// generations also brings home which generation the numbers belong to, in the member and of the
	// template, so that the sum can say whether it is about the template as it is now.
	generations bool
}

var (
	deploymentCounters = counters{generations: true, fields: []string{
		"replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas"}}
	replicaSetCounters = counters{generations: true, fields: []string{
		"replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas"}}
	statefulSetCounters = counters{generations: true, fields: []string{
		"replicas", "currentReplicas", "updatedReplicas", "readyReplicas", "availableReplicas"}}
	daemonSetCounters = counters{generations: true, fields: []string{
		"currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady",
		"updatedNumberScheduled", "numberAvailable", "numberUnavailable"}}
	autoscalerCounters = counters{fields: []string{"currentReplicas", "desiredReplicas"}}
)

const (
	// generation and resourceTemplateGeneration go with observedGeneration in a reflected status.
	fieldObservedGeneration = "observedGeneration"
	fieldGeneration         = "generation"
	fieldTemplateGeneration = "resourceTemplateGeneration"
)

// reflect picks the numbers out of a member object's status.
func (c counters) reflect(obj *unstructured.Unstructured) (*runtime.RawExtension, error) {
	status, found, err := unstructured.NestedFieldNoCopy(obj.Object, "status")
	if err != nil || !found || status == nil {
		return nil, err
	}
	if _, ok := status.(map[string]any); !ok {
		return nil, fmt.Errorf("status: must be an object, is %T", status)
	}
	out := make(map[string]any, len(c.fields)+3)
	fields := c.fields
	if c.generations {
		fields = append([]string{fieldObservedGeneration}, fields...)
		if generation := obj.GetGeneration(); generation > 0 {
			out[fieldGeneration] = generation
		}
		if generation, ok := templateGeneration(obj); ok {
			out[fieldTemplateGeneration] = generation
		}
	}
	for _, field := range fields {
		n, found, err := integer(obj.Object, "status", field)
		if err != nil {
			return nil, err
		}
		if found {
			out[field] = n
		}
	}
	return raw(out)
}

// templateGeneration is the generation of the template that the member object was made from.
func templateGeneration(obj *unstructured.Unstructured) (int64, bool) {
	generation, err := strconv.ParseInt(obj.GetAnnotations()[names.TemplateGenerationAnnotation], 10, 64)
	return generation, err == nil && generation > 0
}

// aggregate adds the numbers up. The sum counts as observed at the template's generation only when
// every cluster's controllers have seen what that generation became in their cluster; until then it
// keeps the older generation, so that nobody who waits for a rollout is told too early.
func (c counters) aggregate(template *unstructured.Unstructured, items []workv1alpha2.AggregatedStatusItem) (*unstructured.Unstructured, error) {
	sums, observed := make(map[string]int64, len(c.fields)), 0
	for _, item := range items {
		status, err := decodeItem(item)
		if err != nil {
			return nil, err
		}
		if status == nil {
			continue
		}
		for _, field := range c.fields {
			n, _, err := integer(status, field)
			if err != nil {
				return nil, itemError(item, err)
			}
			sums[field] += n
		}
		if upToDate, err := observedTemplate(status, template.GetGeneration()); err != nil {
			return nil, itemError(item, err)
		} else if upToDate {
			observed++
		}
	}
	if c.generations && observed == len(items) {
		sums[fieldObservedGeneration] = template.GetGeneration()
	}
	return c.write(template, sums)
}

func observedTemplate(status map[string]any, generation int64) (bool, error) {
	var values [3]int64
	for i, field := range []string{fieldObservedGeneration, fieldGeneration, fieldTemplateGeneration} {
		n, _, err := integer(status, field)
		if err != nil {
			return false, err
		}
		values[i] = n
	}
	return values[0] >= values[1] && values[2] >= generation, nil
}

// write sets the numbers that differ. A zero where there is nothing is no difference: the API server
// drops zeros of some fields, and writing them again would never end.
func (c counters) write(template *unstructured.Unstructured, numbers map[string]int64) (*unstructured.Unstructured, error) {
	present, found, err := unstructured.NestedFieldNoCopy(template.Object, "status")
	if err != nil {
		return nil, err
	}
	before, ok := present.(map[string]any)
	if found && present != nil && !ok {
		return nil, fmt.Errorf("status: must be an object, is %T", present)
	}
	after := make(map[string]any, len(before)+len(numbers))
	for field, value := range before {
		after[field] = value
	}
	changed := false
	fields := c.fields
	if _, set := numbers[fieldObservedGeneration]; set {
		fields = append([]string{fieldObservedGeneration}, fields...)
	}
	for _, field := range fields {
		old, _, err := integer(before, field)
		if err != nil || old != numbers[field] {
			after[field], changed = numbers[field], true
		}
	}
	if !changed {
		return template, nil
	}
	return withStatus(template, after), nil
}

// decodeItem returns the status a cluster reported, nil if there is none yet.
func decodeItem(item workv1alpha2.AggregatedStatusItem) (map[string]any, error) {
	if item.Status == nil || len(item.Status.Raw) == 0 {
		return nil, nil
	}
	var status map[string]any
	if err := utiljson.Unmarshal(item.Status.Raw, &status); err != nil {
		return nil, itemError(item, err)
	}
	return status, nil
}

// decodeItemInto is decodeItem for a typed status.
func decodeItemInto[T any](item workv1alpha2.AggregatedStatusItem) (out T, found bool, err error) {
	if item.Status == nil || len(item.Status.Raw) == 0 {
		return out, false, nil
	}
	if err := json.Unmarshal(item.Status.Raw, &out); err != nil {
		return out, false, itemError(item, err)
	}
	return out, true, nil
}

func itemError(item workv1alpha2.AggregatedStatusItem, err error) error {
	return fmt.Errorf("status reported by cluster %q: %w", item.ClusterName, err)
}
