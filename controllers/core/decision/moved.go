package decision

import (
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// Move is a binding that was moved out of clusters by one that is not the scheduler, and whose placement
// nobody can look into.
type Move struct {
	Binding workv1alpha2.Binding
	// Controller that moved it, and the Cause, one word.
	Controller, Cause string
	// Before and After are where it was and is.
	Before, After []workv1alpha2.TargetCluster
	// Why of each cluster that it leaves, a sentence.
	Why map[string]string
	// Message says where it is now.
	Message string

	Now time.Time
}

// Moved is the Decision behind a move.
func Moved(m Move) trafficv1alpha1.DecisionSpec {
	spec := trafficv1alpha1.DecisionSpec{
		Time:       metav1.NewMicroTime(m.Now),
		Controller: m.Controller,
		Subject:    subject(m.Binding.GetBindingSpec().Resource),
		Cause:      m.Cause,
		Outcome:    trafficv1alpha1.DecisionPlaced,
		Message:    cut(m.Message, maxSentence),
		Policy:     PolicyOf(m.Binding),
	}
	before, after := replicas(m.Before), replicas(m.After)
	var names, why []string
	for _, targets := range [][]workv1alpha2.TargetCluster{m.Before, m.After} {
		for _, t := range targets {
			names = append(names, t.Name)
		}
	}
	for name, reason := range m.Why {
		names = append(names, name)
		why = append(why, reason)
	}
	slices.Sort(names)
	slices.Sort(why)
	spec.Steps = steps(why)
	rows := make([]*row, 0, len(names))
	for _, name := range slices.Compact(names) {
		r := &row{DecisionCluster: trafficv1alpha1.DecisionCluster{Cluster: name, Before: before[name], After: after[name], Detail: cut(m.Why[name], maxDetail)}}
		r.Detail = strings.TrimPrefix(r.Detail, name+" ")
		r.standing = standing(r)
		rows = append(rows, r)
	}
	spec.Clusters, spec.ClustersOmitted = foremost(rows)
	return spec
}
