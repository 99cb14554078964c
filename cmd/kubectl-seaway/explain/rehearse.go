package explain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/api/validation"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/hubclient"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/output"
	"github.com/seaway-io/seaway/controllers/core/claim"
	"github.com/seaway-io/seaway/controllers/core/placement"
)

// Rehearsal is what policies of a file would do.
type Rehearsal struct {
	Policies []RehearsedPolicy `json:"policies"`
	// Templates are those that the policies concern, by kind and name.
	Templates []RehearsedTemplate `json:"templates,omitempty"`
}

// RehearsedPolicy is one policy of a file.
type RehearsedPolicy struct {
	Policy string `json:"policy"`
	// Errors say what is wrong with it; then it claims nothing.
	Errors []string `json:"errors,omitempty"`
	Notes  []string `json:"notes,omitempty"`
}

// RehearsedTemplate is what would become of one template.
type RehearsedTemplate struct {
	Template trafficv1alpha1.DecisionSubject `json:"template"`
	// Action is Claim, Preempt (it is taken from another policy), Keep (the policy has it already),
	// Leave (it stays with another, or goes to it), Release (the policy lets it go) or None.
	Action string `json:"action"`
	// Policy would own it; From owns it now.
	Policy string `json:"policy,omitempty"`
	From   string `json:"from,omitempty"`
	// Why says why it is not claimed.
	Why   string   `json:"why,omitempty"`
	Notes []string `json:"notes,omitempty"`
	// Decision is how it would be placed.
	Decision *trafficv1alpha1.DecisionSpec `json:"decision,omitempty"`
}

// What becomes of a template, besides claim's actions.
const (
	actionLeave = "Leave"
	actionNone  = "None"
)

// errInvalid ends a dry run in which a policy is not valid.
var errInvalid = errors.New("not every policy is valid")

// rehearse tells what the policies of files would do.
func (q *inquiry) rehearse(ctx context.Context, w io.Writer, h *hub, files *contents, args []string) error {
	r, err := h.rehearsal(ctx, files, hubclient.Named(args), q.limit)
	if err != nil {
		return err
	}
	if err := output.Show(w, q.output, r, r.text); err != nil {
		return err
	}
	for _, p := range r.Policies {
		if len(p.Errors) > 0 {
			return errInvalid
		}
	}
	return nil
}

func (h *hub) rehearsal(ctx context.Context, files *contents, only [][2]string, limit int) (*Rehearsal, error) {
	r := &Rehearsal{}
	var own []*policy
	for _, raw := range files.policies {
		own = append(own, h.prepare(raw))
	}
	all := h.policies(own...)
	for _, p := range own {
		if _, err := all.in(ctx, p.GetNamespace()); err != nil { // here it meets the one it replaces
			return nil, err
		}
		r.Policies = append(r.Policies, told(p))
	}
	templates, err := h.candidates(ctx, r, own, files.templates, only)
	if err != nil {
		return nil, err
	}
	clusters, err := h.clusters(ctx)
	if err != nil {
		return nil, err
	}
	for _, t := range templates {
		told, p, err := all.judge(ctx, t.Unstructured)
		if err != nil {
			return nil, err
		}
		if told == nil {
			continue
		}
		switch {
		case p == nil:
		case limit <= 0:
			told.Notes = append(told.Notes, "its placement is not worked out: raise --limit, or name it")
		default:
			limit--
			if err := h.fill(ctx, told, t, p, clusters); err != nil {
				return nil, err
			}
		}
		r.Templates = append(r.Templates, *told)
	}
	return r, nil
}

// prepare completes a policy of a file and checks it, as admission does.
func (h *hub) prepare(raw policyv1alpha1.Propagation) *policy {
	if _, global := raw.(*policyv1alpha1.ClusterPropagationPolicy); global {
		raw.SetNamespace("")
	} else if raw.GetNamespace() == "" {
		raw.SetNamespace(h.Namespace)
	}
	validation.IdentifyPropagation(raw, newID)
	p := newPolicy(raw)
	p.file = true
	return p
}

func told(p *policy) RehearsedPolicy {
	out := RehearsedPolicy{Policy: p.String()}
	for _, err := range p.errs {
		out.Errors = append(out.Errors, err.Error())
	}
	return out
}

// judge says what becomes of a template, and by which policy of the file it would be placed. It
// returns nil when the policies of the file have nothing to do with it.
func (p *policies) judge(ctx context.Context, t *unstructured.Unstructured) (*RehearsedTemplate, *policy, error) {
	template := templateOf(t)
	told := &RehearsedTemplate{Template: trafficv1alpha1.DecisionSubject{
		APIVersion: t.GetAPIVersion(), Kind: t.GetKind(), Namespace: t.GetNamespace(), Name: t.GetName(), UID: t.GetUID(),
	}}
	if why := neverPropagated(t); why != "" {
		told.Action, told.Why = actionNone, why
		return told, nil, nil
	}
	v, err := p.decide(ctx, template)
	if err != nil {
		return nil, nil, err
	}
	if v.owner != nil {
		told.From = v.owner.String()
	}
	if v.policy != nil {
		told.Policy = v.policy.String()
	}
	switch {
	case v.policy != nil && v.policy.file:
		told.Action = string(v.Action)
		if v.Action == claim.Claim && v.owner != nil {
			told.Action = string(claim.Preempt) // its owner lets go of it in the same moment
		}
		return told, v.policy, nil
	case v.owner != nil && v.owner.file && v.policy != nil:
		told.Action, told.Why = string(claim.Release), told.From+" selects it no more"
	case v.owner != nil && v.owner.file && v.Action == claim.Hold:
		told.Action, told.Why = string(claim.Hold), told.From+" is not valid: what it owns stays as it is"
	case v.owner != nil && v.owner.file:
		told.Action, told.Why = string(claim.Release), told.From+" selects it no more: it stays where it is, and no policy owns it"
	default:
		told.Action, told.Why = actionLeave, whyLeft(p.files, v, template)
		if v.policy == nil && v.owner == nil {
			told.Action = actionNone
		}
	}
	return told, nil, nil
}

// whyLeft says why the policies of the file do not get a template.
func whyLeft(files []*policy, v ruling, t claim.Template) string {
	var reasons []string
	for _, f := range files {
		switch {
		case f.ready.Match(t) == claim.NoMatch:
			if m, near := missOf(f, t); near {
				reasons = append(reasons, f.String()+" "+m.Why)
			}
		case len(f.errs) > 0:
			reasons = append(reasons, f.String()+" is not valid")
		case v.owner == nil && v.policy != nil:
			reasons = append(reasons, fmt.Sprintf("%s comes before %s: a namespaced policy first, then the higher priority (%d, %d), the closer selector, the name",
				v.policy, f, priority(v.policy), priority(f)))
		case v.owner != nil:
			reasons = append(reasons, f.String()+" "+whyNotTaken(f, v.owner))
		}
	}
	if len(reasons) == 0 {
		return "no policy of the file selects it"
	}
	return strings.Join(reasons, "; ")
}

func whyNotTaken(p, owner *policy) string {
	switch {
	case p.GetPropagationSpec().Preemption != policyv1alpha1.PreemptAlways:
		return "takes nothing from other policies: spec.preemption is not Always"
	case p.GetNamespace() == "" && owner.GetNamespace() != "":
		return "is cluster-scoped and never takes from a namespaced policy"
	}
	return fmt.Sprintf("has priority %d, which is not above %d", priority(p), priority(owner))
}

func priority(p *policy) int32 { return p.GetPropagationSpec().GetPriority() }

// fill works out the placement of a template.
func (h *hub) fill(ctx context.Context, told *RehearsedTemplate, t *candidate, p *policy, clusters []*clusterv1alpha1.Cluster) error {
	present, _, err := h.binding(ctx, t.Unstructured)
	if err != nil {
		return err
	}
	whole := t.Unstructured
	if t.partial {
		whole = &unstructured.Unstructured{}
		whole.SetGroupVersionKind(t.GroupVersionKind())
		whole.SetNamespace(t.GetNamespace())
		whole.SetName(t.GetName())
		if err := h.Get(ctx, client.ObjectKeyFromObject(whole), whole); err != nil {
			if apierrors.IsNotFound(err) {
				told.Notes = append(told.Notes, "it has just been deleted")
				return nil
			}
			return fmt.Errorf("get %s: %w", label(told.Template), err)
		}
	}
	b, err := bind(present, whole, p)
	if err != nil {
		told.Notes = append(told.Notes, "it cannot be placed: "+err.Error())
		return nil
	}
	wall, err := h.wall(ctx, b.GetNamespace())
	if err != nil {
		return err
	}
	made := h.compute(b, p.String(), clusters, wall)
	told.Decision = &made
	told.Notes = append(told.Notes, h.caveats(ctx, p, b.GetBindingSpec().Replicas, t.GetUID() == "")...)
	if claim.Suspended(b) {
		told.Notes = append(told.Notes, "its scheduling is suspended: it stays where it is")
	}
	return nil
}

// caveats say what may make it come otherwise, or later.
func (h *hub) caveats(ctx context.Context, p *policy, replicas int32, unborn bool) (notes []string) {
	if p.ready.Lazy() {
		notes = append(notes, "the policy is lazy: it takes effect at the next edit of the template")
	}
	for _, name := range p.GetPropagationSpec().DependentOverrides {
		var override client.Object = &policyv1alpha1.OverridePolicy{}
		if p.GetNamespace() == "" {
			override = &policyv1alpha1.ClusterOverridePolicy{}
		}
		if err := h.Get(ctx, client.ObjectKey{Namespace: p.GetNamespace(), Name: name}, override); apierrors.IsNotFound(err) {
			notes = append(notes, "the policy waits for the override policy "+name+" of spec.dependentOverrides, which does not exist")
		}
	}
	if unborn && replicas > 0 && placement.StrategyOf(&p.GetPropagationSpec().Placement) != placement.Duplicated {
		notes = append(notes, "between equal weights the UID decides, which it does not have yet")
	}
	return notes
}

func (r *Rehearsal) text(w io.Writer) {
	for _, p := range r.Policies {
		if len(p.Errors) == 0 {
			fmt.Fprintf(w, "%s is valid\n", p.Policy)
		}
		for _, e := range p.Errors {
			fmt.Fprintf(w, "%s is not valid: %s\n", p.Policy, e)
		}
		for _, n := range p.Notes {
			fmt.Fprintf(w, "  note: %s\n", n)
		}
	}
	if len(r.Templates) == 0 {
		fmt.Fprintln(w, "\nNo template is concerned.")
		return
	}
	fmt.Fprintln(w, "\nTEMPLATE\tACTION\tPOLICY\tFROM\tPLACED\tWHY")
	for i := range r.Templates {
		t := &r.Templates[i]
		placed, why := "-", t.Why
		if t.Decision != nil {
			placed, why = moves(t.Decision), t.Decision.Message
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", label(t.Template), t.Action, orDash(t.Policy), orDash(t.From), placed, orDash(why))
	}
	if slices.ContainsFunc(r.Templates, func(t RehearsedTemplate) bool { return t.Decision != nil }) {
		fmt.Fprintln(w, "\nWorked out from what clusters report of themselves; estimators and placement plugins were not asked.")
	}
	for i := range r.Templates {
		t := &r.Templates[i]
		if t.Decision == nil && len(t.Notes) == 0 {
			continue
		}
		fmt.Fprintf(w, "\n%s\n", label(t.Template))
		for _, n := range t.Notes {
			fmt.Fprintf(w, "note: %s\n", n)
		}
		if t.Decision != nil {
			because(w, t.Decision)
		}
	}
}
