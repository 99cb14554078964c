// Package app finds what belongs to one application on the hub, for commands that are asked about
// applications: its TrafficPolicies, their targets, the workloads behind them, and the bindings and
// Works of all these. It reads as much as one application has, in pages, and judges nothing.
package app

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// App is one application as the hub has it.
type App struct {
	// Name is what was asked for, as "TrafficPolicy shop/web".
	Name      string
	Namespace string
	// Policies send requests to it, by name. A workload may have none.
	Policies []trafficv1alpha1.TrafficPolicy
	// Targets are the Services of the policies, by name. One that is missing is not there.
	Targets []corev1.Service
	// Parts are the targets and the workloads behind them, each with what became of it.
	Parts []Part
}

// Part is a template and what became of it.
type Part struct {
	Template *unstructured.Unstructured
	// Binding is nil when there is none.
	Binding workv1alpha2.Binding
	// Works by cluster.
	Works map[string]workv1alpha1.Work
	// WorksUnread says why the Works could not be read; empty when they were.
	WorksUnread string
}

// Label is the kind and the name: Deployment web.
func (p *Part) Label() string { return p.Template.GetKind() + " " + p.Template.GetName() }

// Argument is the part as an argument of kubectl: deployment/web.
func (p *Part) Argument() string {
	return strings.ToLower(p.Template.GetKind()) + "/" + p.Template.GetName()
}

// IsService says whether the part is a target and not a workload.
func (p *Part) IsService() bool {
	return p.Template.GetKind() == "Service" && p.Template.GroupVersionKind().Group == ""
}

// Replicas is how many pods the template asks for; false where it does not say.
func (p *Part) Replicas() (int64, bool) {
	n, found, err := unstructured.NestedInt64(p.Template.Object, "spec", "replicas")
	return n, found && err == nil
}

// Target is the Service of a policy; nil when it is not there.
func (a *App) Target(p *trafficv1alpha1.TrafficPolicy) *corev1.Service {
	for i := range a.Targets {
		if len(p.Spec.TargetRefs) > 0 && a.Targets[i].Name == p.Spec.TargetRefs[0].Name {
			return &a.Targets[i]
		}
	}
	return nil
}

// Workloads are the parts that run.
func (a *App) Workloads() []*Part {
	var out []*Part
	for i := range a.Parts {
		if !a.Parts[i].IsService() {
			out = append(out, &a.Parts[i])
		}
	}
	return out
}
