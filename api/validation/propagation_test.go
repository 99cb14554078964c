package validation

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

// faults writes errors as "Type field" in order, which is what tests compare; that the
// texts say what to do is for the reader to judge.
func faults(errs field.ErrorList) []string {
	var out []string
	for _, err := range errs {
		out = append(out, strings.TrimPrefix(string(err.Type), "FieldValue")+" "+err.Field)
	}
	slices.Sort(out)
	return out
}

func wantFaults(t *testing.T, errs field.ErrorList, want ...string) {
	t.Helper()
	slices.Sort(want)
	if diff := cmp.Diff(want, faults(errs)); diff != "" {
		t.Errorf("faults (-want +got):\n%s\n%v", diff, errs.ToAggregate())
	}
}

var deployment = policyv1alpha1.ResourceSelector{APIVersion: "apps/v1", Kind: "Deployment", Name: "web"}

func namespacedPolicy(spec policyv1alpha1.PropagationSpec) *policyv1alpha1.PropagationPolicy {
	if spec.ResourceSelectors == nil {
		spec.ResourceSelectors = []policyv1alpha1.ResourceSelector{deployment}
	}
	return &policyv1alpha1.PropagationPolicy{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: "web",
			Labels: map[string]string{names.PropagationPolicyPermanentID: "id"},
		},
		Spec: spec,
	}
}

func TestDefaultPropagation(t *testing.T) {
	type spec = policyv1alpha1.PropagationSpec
	selectors := func(s ...policyv1alpha1.ResourceSelector) []policyv1alpha1.ResourceSelector { return s }
	inShop := deployment
	inShop.Namespace = "shop"
	serviceImport := policyv1alpha1.ResourceSelector{APIVersion: "multicluster.x-k8s.io/v1alpha1", Kind: "ServiceImport", Namespace: "shop"}
	tests := map[string]struct{ in, want spec }{
		"a selector takes the policy's namespace": {
			in:   spec{ResourceSelectors: selectors(deployment)},
			want: spec{ResourceSelectors: selectors(inShop)},
		},
		"a constraint by nothing is one by cluster": {
			in: spec{ResourceSelectors: selectors(inShop), Placement: policyv1alpha1.Placement{
				SpreadConstraints: []policyv1alpha1.SpreadConstraint{{MaxGroups: 2}}}},
			want: spec{ResourceSelectors: selectors(inShop), Placement: policyv1alpha1.Placement{
				SpreadConstraints: []policyv1alpha1.SpreadConstraint{{SpreadByField: "cluster", MaxGroups: 2, MinGroups: 1}}}},
		},
		"a constraint by label stays one by label": {
			in: spec{ResourceSelectors: selectors(inShop), Placement: policyv1alpha1.Placement{
				SpreadConstraints: []policyv1alpha1.SpreadConstraint{{SpreadByLabel: "rack", MinGroups: 2}}}},
			want: spec{ResourceSelectors: selectors(inShop), Placement: policyv1alpha1.Placement{
				SpreadConstraints: []policyv1alpha1.SpreadConstraint{{SpreadByLabel: "rack", MinGroups: 2}}}},
		},
		"a ServiceImport brings its dependencies": {
			in:   spec{ResourceSelectors: selectors(serviceImport)},
			want: spec{ResourceSelectors: selectors(serviceImport), PropagateDeps: true},
		},
		"division without a preference is by weight": {
			in: spec{ResourceSelectors: selectors(inShop), Placement: policyv1alpha1.Placement{
				ReplicaScheduling: &policyv1alpha1.ReplicaSchedulingStrategy{ReplicaSchedulingType: "Divided"}}},
			want: spec{ResourceSelectors: selectors(inShop), Placement: policyv1alpha1.Placement{
				ReplicaScheduling: &policyv1alpha1.ReplicaSchedulingStrategy{ReplicaSchedulingType: "Divided", ReplicaDivisionPreference: "Weighted"}}},
		},
		"duplication has no preference": {
			in: spec{ResourceSelectors: selectors(inShop), Placement: policyv1alpha1.Placement{
				ReplicaScheduling: &policyv1alpha1.ReplicaSchedulingStrategy{ReplicaSchedulingType: "Duplicated"}}},
			want: spec{ResourceSelectors: selectors(inShop), Placement: policyv1alpha1.Placement{
				ReplicaScheduling: &policyv1alpha1.ReplicaSchedulingStrategy{ReplicaSchedulingType: "Duplicated"}}},
		},
		"a graceful failover has a grace period": {
			in: spec{ResourceSelectors: selectors(inShop), Failover: &policyv1alpha1.FailoverBehavior{
				Application: &policyv1alpha1.ApplicationFailoverBehavior{PurgeMode: "Gracefully"}}},
			want: spec{ResourceSelectors: selectors(inShop), Failover: &policyv1alpha1.FailoverBehavior{
				Application: &policyv1alpha1.ApplicationFailoverBehavior{PurgeMode: "Gracefully", GracePeriodSeconds: ptr.To[int32](600)}}},
		},
		"a direct failover has none": {
			in: spec{ResourceSelectors: selectors(inShop), Failover: &policyv1alpha1.FailoverBehavior{
				Application: &policyv1alpha1.ApplicationFailoverBehavior{PurgeMode: "Directly"}}},
			want: spec{ResourceSelectors: selectors(inShop), Failover: &policyv1alpha1.FailoverBehavior{
				Application: &policyv1alpha1.ApplicationFailoverBehavior{PurgeMode: "Directly"}}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := namespacedPolicy(tt.in)
			DefaultPropagation(p)
			if diff := cmp.Diff(tt.want, p.Spec); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			DefaultPropagation(p)
			if diff := cmp.Diff(tt.want, p.Spec); diff != "" {
				t.Errorf("the second call changed it (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDefaultPropagationLeavesAClusterPolicyItsSelectors(t *testing.T) {
	p := &policyv1alpha1.ClusterPropagationPolicy{Spec: policyv1alpha1.PropagationSpec{
		ResourceSelectors: []policyv1alpha1.ResourceSelector{deployment}}}
	DefaultPropagation(p)
	if p.Spec.ResourceSelectors[0] != deployment {
		t.Errorf("selector became %+v", p.Spec.ResourceSelectors[0])
	}
}

func TestIdentifyPropagation(t *testing.T) {
	for name, tt := range map[string]struct {
		in   policyv1alpha1.Propagation
		want metav1.ObjectMeta
	}{
		"a new policy": {&policyv1alpha1.PropagationPolicy{}, metav1.ObjectMeta{
			Labels:     map[string]string{names.PropagationPolicyPermanentID: "new"},
			Finalizers: []string{names.PropagationPolicyFinalizer}}},
		"a new cluster policy": {&policyv1alpha1.ClusterPropagationPolicy{}, metav1.ObjectMeta{
			Labels:     map[string]string{names.ClusterPropagationPolicyPermanentID: "new"},
			Finalizers: []string{names.ClusterPropagationPolicyFinalizer}}},
		"a restored policy keeps its id": {&policyv1alpha1.PropagationPolicy{ObjectMeta: metav1.ObjectMeta{
			Labels:     map[string]string{names.PropagationPolicyPermanentID: "old"},
			Finalizers: []string{names.PropagationPolicyFinalizer, "x"}}}, metav1.ObjectMeta{
			Labels:     map[string]string{names.PropagationPolicyPermanentID: "old"},
			Finalizers: []string{names.PropagationPolicyFinalizer, "x"}}},
	} {
		t.Run(name, func(t *testing.T) {
			IdentifyPropagation(tt.in, "new")
			got := metav1.ObjectMeta{Labels: tt.in.GetLabels(), Finalizers: tt.in.GetFinalizers()}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestValidatePropagation(t *testing.T) {
	type spec = policyv1alpha1.PropagationSpec
	named := func(namespace, name string) []policyv1alpha1.ResourceSelector {
		return []policyv1alpha1.ResourceSelector{{APIVersion: "apps/v1", Kind: "Deployment", Namespace: namespace, Name: name}}
	}
	failover := func(deps bool, app policyv1alpha1.ApplicationFailoverBehavior) spec {
		return spec{PropagateDeps: deps, Failover: &policyv1alpha1.FailoverBehavior{Application: &app}}
	}
	preserve := func(label string) *policyv1alpha1.StatePreservation {
		return &policyv1alpha1.StatePreservation{Rules: []policyv1alpha1.StatePreservationRule{{AliasLabelName: label, JSONPath: "{.a}"}}}
	}
	suspend := func(all bool, clusters ...string) *policyv1alpha1.Suspension {
		return &policyv1alpha1.Suspension{Dispatching: &all, DispatchingOnClusters: &policyv1alpha1.SuspendClusters{ClusterNames: clusters}}
	}
	const app = "spec.failover.application."
	tests := map[string]struct {
		spec spec
		want []string
	}{
		"a plain policy":                    {},
		"a selector in another namespace":   {spec{ResourceSelectors: named("other", "web")}, []string{"Invalid spec.resourceSelectors[0].namespace"}},
		"a selector in the own namespace":   {spec{ResourceSelectors: named("shop", "web")}, nil},
		"preemption of what is named":       {spec{ResourceSelectors: named("shop", "web"), Preemption: "Always"}, nil},
		"preemption of what is not named":   {spec{ResourceSelectors: named("shop", ""), Preemption: "Always"}, []string{"Required spec.resourceSelectors[0].name"}},
		"a label selector that never holds": {spec{ResourceSelectors: []policyv1alpha1.ResourceSelector{{APIVersion: "v1", Kind: "Pod", LabelSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "Is"}}}}}}, []string{"Invalid spec.resourceSelectors[0].labelSelector.matchExpressions[0].operator"}},

		"application failover without dependencies": {failover(false, policyv1alpha1.ApplicationFailoverBehavior{PurgeMode: "Directly"}), []string{"Invalid spec.propagateDeps"}},
		"application failover with dependencies":    {failover(true, policyv1alpha1.ApplicationFailoverBehavior{PurgeMode: "Directly"}), nil},
		"a negative toleration":                     {failover(true, policyv1alpha1.ApplicationFailoverBehavior{PurgeMode: "Never", DecisionConditions: policyv1alpha1.DecisionConditions{TolerationSeconds: ptr.To[int32](-1)}}), []string{"Invalid " + app + "decisionConditions.tolerationSeconds"}},
		"grace without Gracefully":                  {failover(true, policyv1alpha1.ApplicationFailoverBehavior{PurgeMode: "Directly", GracePeriodSeconds: ptr.To[int32](1)}), []string{"Forbidden " + app + "gracePeriodSeconds"}},
		"Gracefully without grace":                  {failover(true, policyv1alpha1.ApplicationFailoverBehavior{PurgeMode: "Gracefully"}), []string{"Required " + app + "gracePeriodSeconds"}},
		"Gracefully with no time":                   {failover(true, policyv1alpha1.ApplicationFailoverBehavior{PurgeMode: "Gracefully", GracePeriodSeconds: ptr.To[int32](0)}), []string{"Invalid " + app + "gracePeriodSeconds"}},
		"state under a bad label":                   {failover(true, policyv1alpha1.ApplicationFailoverBehavior{PurgeMode: "Directly", StatePreservation: preserve("a b")}), []string{"Invalid " + app + "statePreservation.rules[0].aliasLabelName"}},
		"cluster failover state under a bad label":  {spec{Failover: &policyv1alpha1.FailoverBehavior{Cluster: &policyv1alpha1.ClusterFailoverBehavior{StatePreservation: preserve("")}}}, []string{"Invalid spec.failover.cluster.statePreservation.rules[0].aliasLabelName"}},
		"state under a good label":                  {failover(true, policyv1alpha1.ApplicationFailoverBehavior{PurgeMode: "Directly", StatePreservation: preserve("example.com/offset")}), nil},

		"suspended everywhere and somewhere": {spec{Suspension: suspend(true, "m1")}, []string{"Forbidden spec.suspension.dispatchingOnClusters"}},
		"suspended somewhere":                {spec{Suspension: suspend(false, "m1")}, nil},
		"suspended everywhere":               {spec{Suspension: suspend(true)}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			wantFaults(t, ValidatePropagation(namespacedPolicy(tt.spec), nil), tt.want...)
		})
	}
}

func TestValidatePropagationUpdate(t *testing.T) {
	policy := func(id, scheduler string) *policyv1alpha1.PropagationPolicy {
		p := namespacedPolicy(policyv1alpha1.PropagationSpec{SchedulerName: scheduler})
		p.Labels = map[string]string{names.PropagationPolicyPermanentID: id}
		return p
	}
	const (
		label     = "metadata.labels[" + names.PropagationPolicyPermanentID + "]"
		scheduler = "spec.schedulerName"
	)
	tests := map[string]struct {
		old, new policyv1alpha1.Propagation
		want     []string
	}{
		"nothing changes":                    {policy("a", "x"), policy("a", "x"), nil},
		"the default scheduler is written":   {policy("a", ""), policy("a", "default-scheduler"), nil},
		"the scheduler changes":              {policy("a", "x"), policy("a", "y"), []string{"Invalid " + scheduler}},
		"the id changes":                     {policy("a", ""), policy("b", ""), []string{"Invalid " + label}},
		"the id goes":                        {policy("a", ""), policy("", ""), []string{"Required " + label}},
		"the id comes late":                  {policy("", ""), policy("b", ""), nil},
		"no id at creation":                  {nil, policy("", ""), []string{"Required " + label}},
		"a cluster policy has its own label": {nil, &policyv1alpha1.ClusterPropagationPolicy{}, []string{"Required metadata.labels[" + names.ClusterPropagationPolicyPermanentID + "]"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			wantFaults(t, ValidatePropagation(tt.new, tt.old), tt.want...)
		})
	}
}

func TestValidatePropagationOfAClusterPolicy(t *testing.T) {
	p := &policyv1alpha1.ClusterPropagationPolicy{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{names.ClusterPropagationPolicyPermanentID: "id"}},
		Spec: policyv1alpha1.PropagationSpec{ResourceSelectors: []policyv1alpha1.ResourceSelector{
			{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "anywhere"}, {APIVersion: "v1", Kind: "Namespace"}}},
	}
	wantFaults(t, ValidatePropagation(p, nil))
}

func TestValidatePlacement(t *testing.T) {
	type placement = policyv1alpha1.Placement
	clusters := policyv1alpha1.ClusterAffinity{ClusterNames: []string{"m1"}}
	fieldIs := func(key string, op corev1.NodeSelectorOperator) policyv1alpha1.ClusterAffinity {
		return policyv1alpha1.ClusterAffinity{FieldSelector: &policyv1alpha1.FieldSelector{
			MatchExpressions: []corev1.NodeSelectorRequirement{{Key: key, Operator: op, Values: []string{"x"}}}}}
	}
	term := func(name string, a policyv1alpha1.ClusterAffinity, overflow ...policyv1alpha1.OverflowAffinityTerm) policyv1alpha1.ClusterAffinityTerm {
		return policyv1alpha1.ClusterAffinityTerm{AffinityName: name, ClusterAffinity: a, OverflowAffinities: overflow}
	}
	terms := func(t ...policyv1alpha1.ClusterAffinityTerm) placement { return placement{ClusterAffinities: t} }
	more := policyv1alpha1.OverflowAffinityTerm{AffinityName: "more", ClusterAffinity: clusters}
	dynamic := &policyv1alpha1.ReplicaSchedulingStrategy{ReplicaSchedulingType: "Divided", ReplicaDivisionPreference: "Weighted",
		WeightPreference: &policyv1alpha1.ClusterPreferences{DynamicWeight: "AvailableReplicas"}}
	aggregated := &policyv1alpha1.ReplicaSchedulingStrategy{ReplicaSchedulingType: "Divided", ReplicaDivisionPreference: "Aggregated"}
	static := &policyv1alpha1.ReplicaSchedulingStrategy{ReplicaSchedulingType: "Divided", ReplicaDivisionPreference: "Weighted",
		WeightPreference: &policyv1alpha1.ClusterPreferences{StaticWeightList: []policyv1alpha1.StaticClusterWeight{
			{TargetCluster: fieldIs("rack", corev1.NodeSelectorOpIn), Weight: 1}}}}
	with := func(p placement, r *policyv1alpha1.ReplicaSchedulingStrategy) placement {
		p.ReplicaScheduling = r
		return p
	}
	spread := func(c ...policyv1alpha1.SpreadConstraint) placement { return placement{SpreadConstraints: c} }
	tolerate := func(op corev1.TolerationOperator) placement {
		return placement{ClusterTolerations: []corev1.Toleration{{Key: "a", Operator: op}}}
	}
	groups := func(with, apart string) placement {
		return placement{WorkloadAffinity: &policyv1alpha1.WorkloadAffinity{
			Affinity:     &policyv1alpha1.WorkloadAffinityTerm{GroupByLabelKey: with},
			AntiAffinity: &policyv1alpha1.WorkloadAntiAffinityTerm{GroupByLabelKey: apart}}}
	}
	type constraint = policyv1alpha1.SpreadConstraint
	cluster := constraint{SpreadByField: "cluster", MinGroups: 1}
	tests := map[string]struct {
		in   placement
		want []string
	}{
		"nothing":                          {},
		"affinity and affinities":          {placement{ClusterAffinity: &clusters, ClusterAffinities: []policyv1alpha1.ClusterAffinityTerm{term("a", clusters)}}, []string{"Forbidden p.clusterAffinities"}},
		"terms of one name":                {terms(term("a", clusters), term("a", clusters)), []string{"Duplicate p.clusterAffinities[1].affinityName"}},
		"a term with a bad name":           {terms(term("a b", clusters)), []string{"Invalid p.clusterAffinities[0].affinityName"}},
		"a field that is none":             {placement{ClusterAffinity: ptr.To(fieldIs("rack", corev1.NodeSelectorOpIn))}, []string{"NotSupported p.clusterAffinity.fieldSelector.matchExpressions[0].key"}},
		"an operator that is none":         {terms(term("a", fieldIs("zone", corev1.NodeSelectorOpExists))), []string{"NotSupported p.clusterAffinities[0].fieldSelector.matchExpressions[0].operator"}},
		"fields and operators that are":    {placement{ClusterAffinity: ptr.To(fieldIs("zone", corev1.NodeSelectorOpNotIn))}, nil},
		"a weight for a field that isn't":  {with(placement{}, static), []string{"NotSupported p.replicaScheduling.weightPreference.staticWeightList[0].targetCluster.fieldSelector.matchExpressions[0].key"}},
		"overflow by dynamic weight":       {with(terms(term("a", clusters, more)), dynamic), nil},
		"overflow by aggregation":          {with(terms(term("a", clusters, more)), aggregated), nil},
		"overflow without division":        {terms(term("a", clusters, more)), []string{"Forbidden p.clusterAffinities[0].overflowAffinities"}},
		"overflow of every cluster":        {with(terms(term("a", policyv1alpha1.ClusterAffinity{}, more)), aggregated), []string{"Forbidden p.clusterAffinities[0].overflowAffinities"}},
		"overflow terms of one name":       {with(terms(term("a", clusters, more, more)), aggregated), []string{"Duplicate p.clusterAffinities[0].overflowAffinities[1].affinityName"}},
		"overflow by a field that is none": {with(terms(term("a", clusters, policyv1alpha1.OverflowAffinityTerm{AffinityName: "b", ClusterAffinity: fieldIs("rack", "In")})), aggregated), []string{"NotSupported p.clusterAffinities[0].overflowAffinities[0].fieldSelector.matchExpressions[0].key"}},

		"tolerations that compare": {tolerate(corev1.TolerationOpLt), []string{"NotSupported p.clusterTolerations[0].operator"}},
		"more that compare":        {tolerate(corev1.TolerationOpGt), []string{"NotSupported p.clusterTolerations[0].operator"}},
		"tolerations that match":   {tolerate(corev1.TolerationOpExists), nil},
		"tolerations by default":   {tolerate(""), nil},

		"spread by cluster":              {spread(cluster), nil},
		"spread by region and cluster":   {spread(constraint{SpreadByField: "region", MinGroups: 2, MaxGroups: 2}, cluster), nil},
		"spread by region alone":         {spread(constraint{SpreadByField: "region", MinGroups: 1}), []string{"Required p.spreadConstraints"}},
		"spread by label alone":          {spread(constraint{SpreadByLabel: "rack", MinGroups: 1}), nil},
		"spread by field and label":      {spread(constraint{SpreadByField: "cluster", SpreadByLabel: "rack"}), []string{"Forbidden p.spreadConstraints[0].spreadByLabel"}},
		"spread by one field twice":      {spread(cluster, cluster), []string{"Duplicate p.spreadConstraints[1].spreadByField"}},
		"fewer at most than at least":    {spread(constraint{SpreadByField: "cluster", MinGroups: 3, MaxGroups: 2}), []string{"Invalid p.spreadConstraints[0].maxGroups"}},
		"no bound at most":               {spread(constraint{SpreadByField: "cluster", MinGroups: 3}), nil},
		"less than none":                 {spread(constraint{SpreadByField: "cluster", MinGroups: -1, MaxGroups: -1}), []string{"Invalid p.spreadConstraints[0].maxGroups", "Invalid p.spreadConstraints[0].minGroups"}},
		"together and apart":             {groups("app", "tier"), nil},
		"together and apart by one key":  {groups("app", "app"), []string{"Invalid p.workloadAffinity.antiAffinity.groupByLabelKey"}},
		"together by no key":             {groups("", "tier"), []string{"Invalid p.workloadAffinity.affinity.groupByLabelKey"}},
		"apart by what is no label key":  {groups("app", "a b"), []string{"Invalid p.workloadAffinity.antiAffinity.groupByLabelKey"}},
		"a selector that never holds":    {placement{ClusterAffinity: &policyv1alpha1.ClusterAffinity{LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"a b": "c"}}}}, []string{"Invalid p.clusterAffinity.labelSelector.matchLabels"}},
		"a term's selector never holds":  {terms(term("a", policyv1alpha1.ClusterAffinity{LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"a b": "c"}}})), []string{"Invalid p.clusterAffinities[0].labelSelector.matchLabels"}},
		"static weights do not overflow": {with(terms(term("a", clusters, more)), &policyv1alpha1.ReplicaSchedulingStrategy{ReplicaSchedulingType: "Divided", ReplicaDivisionPreference: "Weighted"}), []string{"Forbidden p.clusterAffinities[0].overflowAffinities"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			wantFaults(t, validatePlacement(&tt.in, field.NewPath("p")), tt.want...)
		})
	}
}
