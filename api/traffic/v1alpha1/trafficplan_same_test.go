package v1alpha1

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// parts fills in all that a value can hold, and returns every field, list and pointer in it.
func parts(v reflect.Value, path string) (out []part) {
	switch v.Interface().(type) {
	case metav1.Time, resource.Quantity:
		return []part{{path, v}}
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			out = append(out, parts(v.Field(i), path+"."+v.Type().Field(i).Name)...)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		out = append(parts(v.Elem(), path), part{path, v})
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		out = append(parts(v.Index(0), path+"[0]"), part{path, v})
	default:
		return []part{{path, v}}
	}
	return out
}

type part struct {
	path string
	v    reflect.Value
}

func (p part) change() {
	switch x := p.v.Addr().Interface().(type) {
	case *metav1.Time:
		*x = metav1.NewTime(time.Unix(1, 0))
	case *resource.Quantity:
		*x = resource.MustParse("7")
	default:
		switch p.v.Kind() {
		case reflect.String:
			p.v.SetString("other")
		case reflect.Bool:
			p.v.SetBool(!p.v.Bool())
		case reflect.Slice, reflect.Pointer:
			p.v.SetZero()
		default:
			p.v.SetInt(7)
		}
	}
}

// A field that is not compared would never be written.
func TestSameLooksAtEveryField(t *testing.T) {
	full := &TrafficPlanSpec{}
	all := parts(reflect.ValueOf(full).Elem(), "spec")
	if !full.Same(full.DeepCopy()) {
		t.Fatal("a copy is not the same")
	}
	for i := range all {
		other := &TrafficPlanSpec{}
		p := parts(reflect.ValueOf(other).Elem(), "spec")[i]
		p.change()
		if full.Same(other) || other.Same(full) {
			t.Errorf("%s is not compared", p.path)
		}
	}
	if len(all) < 60 {
		t.Errorf("only %d fields", len(all))
	}
}

func TestSameGoesByMeaning(t *testing.T) {
	quantity := func(s string) *resource.Quantity { q := resource.MustParse(s); return &q }
	here := time.FixedZone("here", 3600)
	a := TrafficPlanSpec{Endpoints: []PlanEndpoint{{Since: metav1.NewTime(time.Unix(100, 0)), Capacity: quantity("1")}}, Hostnames: []string{}}
	b := TrafficPlanSpec{Endpoints: []PlanEndpoint{{Since: metav1.NewTime(time.Unix(100, 0).In(here)), Capacity: quantity("1000m"), Addresses: []string{}}}, Tiers: []PlanTier{}}
	if !a.Same(&b) {
		t.Error("the same in other words is told apart")
	}
}

func BenchmarkSame(b *testing.B) {
	spec := &TrafficPlanSpec{}
	for i := range 100 {
		spec.Endpoints = append(spec.Endpoints, PlanEndpoint{Cluster: fmt.Sprint("c", i), Addresses: []string{"192.0.2.1"}, State: EndpointServing, Reason: "Ready"})
	}
	for i := range 30 {
		r := PlanRegion{Name: fmt.Sprint("r", i)}
		for range 16 {
			r.Tiers = append(r.Tiers, PlanTier{Clusters: []WeightedCluster{{"a", 1000}, {"b", 1000}, {"c", 1000}}})
		}
		spec.Regions = append(spec.Regions, r)
	}
	other := spec.DeepCopy()
	b.ReportAllocs()
	for b.Loop() {
		if !spec.Same(other) {
			b.Fatal("not the same")
		}
	}
}
