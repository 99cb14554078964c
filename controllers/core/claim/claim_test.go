package claim

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

type (
	propagation = policyv1alpha1.Propagation
	selector    = policyv1alpha1.ResourceSelector
	spec        = policyv1alpha1.PropagationSpec
)

var deployment = schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}

// anyDeployment, with and app select Deployments by kind, by name and by label.
func anyDeployment() selector { return selector{APIVersion: "apps/v1", Kind: "Deployment"} }

func called(name string) selector { s := anyDeployment(); s.Name = name; return s }

func app(value string) selector {
	s := anyDeployment()
	s.LabelSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": value}}
	return s
}

// pp and cpp make policies; their permanent id is their name with "-id".
func pp(name string, change func(*spec), selectors ...selector) propagation {
	p := &policyv1alpha1.PropagationPolicy{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "shop",
		Labels: map[string]string{names.PropagationPolicyPermanentID: name + "-id"}}}
	return fill(p, change, selectors)
}

func cpp(name string, change func(*spec), selectors ...selector) propagation {
	p := &policyv1alpha1.ClusterPropagationPolicy{ObjectMeta: metav1.ObjectMeta{Name: name,
		Labels: map[string]string{names.ClusterPropagationPolicyPermanentID: name + "-id"}}}
	return fill(p, change, selectors)
}

func fill(p propagation, change func(*spec), selectors []selector) propagation {
	p.GetPropagationSpec().ResourceSelectors = selectors
	if change != nil {
		change(p.GetPropagationSpec())
	}
	return p
}

func prepare(policies ...propagation) (out []*Policy) {
	for _, p := range policies {
		out = append(out, Prepare(p))
	}
	return out
}

func priorityOf(n int32) func(*spec) { return func(s *spec) { s.Priority = ptr.To(n) } }

func always(n int32) func(*spec) {
	return func(s *spec) { s.Priority, s.Preemption = ptr.To(n), policyv1alpha1.PreemptAlways }
}

func deleted(p propagation) propagation {
	p.SetDeletionTimestamp(&metav1.Time{})
	return p
}

func web(marks propagation) Template {
	obj := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop", Labels: map[string]string{"app": "web"}}}
	Mark(obj, marks)
	return Template{GVK: deployment, Object: obj}
}

func TestMatches(t *testing.T) {
	in := func(namespace string) selector { s := anyDeployment(); s.Namespace = namespace; return s }
	both := app("other")
	both.Name = "web"
	broken := anyDeployment()
	broken.LabelSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "not a value!"}}
	tests := map[string]struct {
		policy propagation
		want   Match
	}{
		"all of the kind":                              {pp("p", nil, anyDeployment()), MatchAll},
		"by label":                                     {pp("p", nil, app("web")), MatchLabels},
		"by name":                                      {pp("p", nil, called("web")), MatchName},
		"another name":                                 {pp("p", nil, called("db")), NoMatch},
		"another label":                                {pp("p", nil, app("db")), NoMatch},
		"another kind":                                 {pp("p", nil, selector{APIVersion: "apps/v1", Kind: "StatefulSet"}), NoMatch},
		"another version of the API":                   {pp("p", nil, selector{APIVersion: "apps/v1beta1", Kind: "Deployment"}), NoMatch},
		"its own namespace":                            {pp("p", nil, in("shop")), MatchAll},
		"another namespace":                            {cpp("p", nil, in("bank")), NoMatch},
		"a cluster policy in every namespace":          {cpp("p", nil, anyDeployment()), MatchAll},
		"the closest of several":                       {pp("p", nil, anyDeployment(), called("web"), app("web")), MatchName},
		"with a name the label selector is ignored":    {pp("p", nil, both), MatchName},
		"a label selector that cannot be parsed":       {pp("p", nil, broken), NoMatch},
		"no selectors":                                 {pp("p", nil), NoMatch},
		"an empty label selector is by label, and all": {pp("p", nil, selector{APIVersion: "apps/v1", Kind: "Deployment", LabelSelector: &metav1.LabelSelector{}}), MatchLabels},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Prepare(tt.policy).Match(web(nil)); got != tt.want {
				t.Errorf("match %d, want %d", got, tt.want)
			}
		})
	}
	foreign := pp("p", nil, anyDeployment())
	foreign.SetNamespace("bank")
	if Prepare(foreign).Match(web(nil)) != NoMatch {
		t.Error("a namespaced policy matches outside its namespace")
	}
}

func TestDecide(t *testing.T) {
	invalid := func(s *spec) {
		s.Placement.ClusterTolerations = append(s.Placement.ClusterTolerations, toleration("Gt"))
	}
	graceful := func(s *spec) { // whose grace period admission fills in
		s.PropagateDeps = true
		s.Failover = &policyv1alpha1.FailoverBehavior{Application: &policyv1alpha1.ApplicationFailoverBehavior{PurgeMode: policyv1alpha1.PurgeModeGracefully}}
	}
	recreated := pp("old", nil, anyDeployment())
	recreated.SetLabels(map[string]string{names.PropagationPolicyPermanentID: "another"})
	all, named := anyDeployment(), called("web")
	type list = []propagation
	tests := map[string]struct {
		marks     propagation // of the template
		owner     propagation // what the marks name, as it is now
		pps, cpps list
		changed   bool // the policy, not the template
		want      Action
		policy    string
	}{
		"no policy":                                      {want: Wait},
		"policies for others":                            {pps: list{pp("a", nil, called("db"))}, want: Wait},
		"one policy":                                     {pps: list{pp("a", nil, all)}, want: Claim, policy: "a"},
		"a cluster policy":                               {cpps: list{cpp("c", nil, all)}, want: Claim, policy: "c"},
		"a namespaced one beats a cluster one":           {pps: list{pp("a", nil, all)}, cpps: list{cpp("c", priorityOf(9), named)}, want: Claim, policy: "a"},
		"priority beats closeness":                       {pps: list{pp("a", nil, named), pp("b", priorityOf(1), all)}, want: Claim, policy: "b"},
		"a negative priority is below none":              {pps: list{pp("a", priorityOf(-1), named), pp("b", nil, all)}, want: Claim, policy: "b"},
		"closeness beats the name":                       {pps: list{pp("a", nil, all), pp("b", nil, named)}, want: Claim, policy: "b"},
		"label beats all":                                {pps: list{pp("a", nil, all), pp("b", nil, app("web"))}, want: Claim, policy: "b"},
		"name beats label":                               {pps: list{pp("a", nil, app("web")), pp("b", nil, named)}, want: Claim, policy: "b"},
		"the smaller name":                               {pps: list{pp("b", nil, all), pp("a", nil, all)}, want: Claim, policy: "a"},
		"a policy being deleted takes no part":           {pps: list{deleted(pp("a", nil, all)), pp("b", nil, all)}, want: Claim, policy: "b"},
		"a policy that is not valid takes no part":       {pps: list{pp("a", invalid, all), pp("b", nil, all)}, want: Claim, policy: "b"},
		"a policy without the defaults of admission":     {pps: list{pp("a", graceful, all)}, want: Claim, policy: "a"},
		"only one that is not valid":                     {pps: list{pp("a", invalid, all)}, want: Wait},
		"the owner stays":                                {marks: pp("old", nil), owner: pp("old", nil, all), pps: list{pp("new", priorityOf(9), named)}, want: Keep, policy: "old"},
		"a cluster owner stays":                          {marks: cpp("old", nil), owner: cpp("old", nil, all), pps: list{pp("new", priorityOf(9), named)}, want: Keep, policy: "old"},
		"the owner does not select it any more":          {marks: pp("old", nil), owner: pp("old", nil, called("db")), pps: list{pp("new", nil, all)}, want: Hold},
		"the owner changed and let go":                   {marks: pp("old", nil), owner: pp("old", nil, called("db")), changed: true, want: Release},
		"the owner changed, let go, and another claims":  {marks: pp("old", nil), owner: pp("old", nil, called("db")), pps: list{pp("new", nil, all)}, changed: true, want: Claim, policy: "new"},
		"the owner changed and still selects it":         {marks: pp("old", nil), owner: pp("old", nil, named), changed: true, want: Keep, policy: "old"},
		"the owner became invalid and selects others":    {marks: pp("old", nil), owner: pp("old", invalid, called("db")), changed: true, want: Hold},
		"the owner is not valid":                         {marks: pp("old", nil), owner: pp("old", invalid, all), pps: list{pp("new", nil, all)}, want: Hold},
		"the owner is gone, another takes over":          {marks: pp("old", nil), pps: list{pp("new", nil, all)}, want: Claim, policy: "new"},
		"the owner is gone, nobody takes over":           {marks: pp("old", nil), want: Release},
		"the owner is being deleted":                     {marks: pp("old", nil), owner: deleted(pp("old", nil, all)), cpps: list{cpp("c", nil, all)}, want: Claim, policy: "c"},
		"the owner was made anew":                        {marks: pp("old", nil), owner: recreated, pps: list{recreated}, want: Claim, policy: "old"},
		"preempted by a higher priority":                 {marks: pp("old", nil), owner: pp("old", nil, all), pps: list{pp("new", always(1), named)}, want: Preempt, policy: "new"},
		"not by the same priority":                       {marks: pp("old", nil), owner: pp("old", nil, all), pps: list{pp("new", always(0), named)}, want: Keep, policy: "old"},
		"not by a lower priority":                        {marks: pp("old", nil), owner: pp("old", priorityOf(2), all), pps: list{pp("new", always(1), named)}, want: Keep, policy: "old"},
		"not without a name, which preemption needs":     {marks: pp("old", nil), owner: pp("old", nil, all), pps: list{pp("new", always(1), all)}, want: Keep, policy: "old"},
		"the highest that preempts":                      {marks: pp("old", nil), owner: pp("old", nil, all), pps: list{pp("x", always(1), named), pp("y", always(2), named)}, want: Preempt, policy: "y"},
		"not by one that is passed over for another":     {marks: pp("old", nil), owner: pp("old", nil, all), pps: list{pp("x", priorityOf(5), named), pp("y", always(2), named)}, want: Preempt, policy: "y"},
		"a cluster policy never takes from a namespaced": {marks: pp("old", nil), owner: pp("old", nil, all), cpps: list{cpp("new", always(9), named)}, want: Keep, policy: "old"},
		"a namespaced takes from any cluster policy":     {marks: cpp("old", nil), owner: cpp("old", priorityOf(9), all), pps: list{pp("new", always(0), named)}, want: Preempt, policy: "new"},
		"a cluster policy takes from a lower one":        {marks: cpp("old", nil), owner: cpp("old", nil, all), cpps: list{cpp("new", always(1), named)}, want: Preempt, policy: "new"},
		"a cluster policy does not take from its equal":  {marks: cpp("old", nil), owner: cpp("old", priorityOf(1), all), cpps: list{cpp("new", always(1), named)}, want: Keep, policy: "old"},
		"an owner that let go may be preempted":          {marks: pp("old", nil), owner: pp("old", nil, called("db")), pps: list{pp("new", always(1), named)}, want: Preempt, policy: "new"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			in := Input{Template: web(tt.marks), Policies: prepare(tt.pps...), ClusterPolicies: prepare(tt.cpps...), PolicyChanged: tt.changed}
			if tt.owner != nil {
				in.Owner = Prepare(tt.owner)
			}
			got := Decide(in)
			policy := ""
			if got.Policy != nil {
				policy = got.Policy.Propagation.GetName()
			}
			if got.Action != tt.want || policy != tt.policy {
				t.Errorf("%s %q, want %s %q", got.Action, policy, tt.want, tt.policy)
			}
		})
	}
}

// The winner does not depend on the order in which policies are listed, and after it has claimed
// the template it keeps it.
func TestDecideProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(make func(string, func(*spec), ...selector) propagation, what string) (out []*Policy) {
			for _, name := range rapid.SliceOfNDistinct(rapid.StringMatching(`[a-e]`), 0, 4, rapid.ID[string]).Draw(t, what) {
				s := rapid.SampledFrom([]selector{anyDeployment(), called("web"), called("db"), app("web")}).Draw(t, "selector")
				change := priorityOf(rapid.Int32Range(-1, 1).Draw(t, "priority"))
				if rapid.Bool().Draw(t, "preempts") {
					change = always(rapid.Int32Range(-1, 1).Draw(t, "priority"))
				}
				out = append(out, Prepare(make(name, change, s)))
			}
			return out
		}
		in := Input{Template: web(nil), Policies: draw(pp, "pps"), ClusterPolicies: draw(cpp, "cpps")}
		first := Decide(in)
		reversed := in
		reversed.Policies, reversed.ClusterPolicies = reverse(in.Policies), reverse(in.ClusterPolicies)
		if second := Decide(reversed); second != first {
			t.Fatalf("%+v, and in another order %+v", first, second)
		}
		if first.Policy == nil {
			return
		}
		in.Template, in.Owner = web(first.Policy.Propagation), first.Policy
		if again := Decide(in); again != (Decision{Action: Keep, Policy: first.Policy}) && again.Action != Preempt {
			t.Fatalf("claimed by %s, then %+v", first.Policy.Propagation.GetName(), again)
		}
	})
}

func reverse(in []*Policy) []*Policy {
	out := slices.Clone(in)
	slices.Reverse(out)
	return out
}

func TestMarks(t *testing.T) {
	owner, other := pp("a", nil), cpp("c", nil)
	obj := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "web"}}}

	Mark(obj, owner)
	want := metav1.ObjectMeta{
		Labels: map[string]string{"app": "web", "propagationpolicy.karmada.io/permanent-id": "a-id"},
		Annotations: map[string]string{
			"propagationpolicy.karmada.io/namespace": "shop",
			"propagationpolicy.karmada.io/name":      "a",
		},
	}
	if diff := cmp.Diff(want, obj.ObjectMeta); diff != "" {
		t.Errorf("marks of a namespaced policy:\n%s", diff)
	}
	if m, ok := MarksOf(obj); !ok || !m.Names(owner) || m.Names(other) {
		t.Errorf("marks read back: %+v, %v", m, ok)
	}

	Mark(obj, other)
	want = metav1.ObjectMeta{
		Labels:      map[string]string{"app": "web", "clusterpropagationpolicy.karmada.io/permanent-id": "c-id"},
		Annotations: map[string]string{"clusterpropagationpolicy.karmada.io/name": "c"},
	}
	if diff := cmp.Diff(want, obj.ObjectMeta); diff != "" {
		t.Errorf("marks of a cluster policy, over those of another:\n%s", diff)
	}
	if m, ok := MarksOf(obj); !ok || !m.Names(other) {
		t.Errorf("marks read back: %+v, %v", m, ok)
	}

	Mark(obj, nil)
	if diff := cmp.Diff(metav1.ObjectMeta{Labels: map[string]string{"app": "web"}}, obj.ObjectMeta); diff != "" {
		t.Errorf("no marks:\n%s", diff)
	}
	if _, ok := MarksOf(obj); ok || len(MarkedKeys(obj)) > 0 {
		t.Error("marks are left")
	}

	obj.Annotations = map[string]string{names.PropagationPolicyNameAnnotation: "a"}
	if _, ok := MarksOf(obj); ok || len(MarkedKeys(obj)) != 1 {
		t.Error("a part of a claim is no claim, but has to be cleaned up")
	}
}
