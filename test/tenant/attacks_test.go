package tenant

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seaway-io/seaway/api/names"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/binding"
	"github.com/seaway-io/seaway/controllers/binding/works"
)

// attack is something that a tenant tries.
type attack struct {
	// do makes it, or yaml is what she creates.
	do   func(w *world) error
	yaml string
	// refused is what the hub says to it, with admission or without; admission is what it says when
	// there is admission.
	refused, admission string
	// ends is what it comes to when it is let through.
	ends func(w *world)
	// after removes what would be in the way of others.
	after string
}

// TestMatrix makes every attack with admission and without, and finds nothing changed outside of the
// tenant's namespace after any of them.
func TestMatrix(t *testing.T) {
	for name, admission := range map[string]bool{"with admission": true, "without admission": false} {
		t.Run(name, func(t *testing.T) {
			w := start(t, admission)
			before := w.belongings()
			if len(before) < 50 {
				t.Fatalf("only %d objects are watched over: %v", len(before), before)
			}
			for name, a := range attacks {
				t.Run(name, func(t *testing.T) {
					w := *w
					w.TB = t
					w.make(a)
					w.fence()
					w.untouched(before)
				})
			}
			w.fence()
			w.untouched(before)
		})
	}
}

func (w *world) make(a attack) {
	do := a.do
	if do == nil {
		do = func(w *world) error { return w.create(w.eve, a.yaml) }
	}
	err := do(w)
	switch want := a.refused; {
	case want == "" && w.admission && a.admission != "":
		if err == nil || !strings.Contains(err.Error(), a.admission) {
			w.Errorf("admission says %v, want %q", err, a.admission)
		}
	case want != "":
		if err == nil || !strings.Contains(err.Error(), want) {
			w.Errorf("the hub says %v, want %q", err, want)
		}
	case err != nil:
		w.Errorf("the hub says %v; the controllers are to stand it", err)
	case a.ends != nil:
		a.ends(w)
	}
	if a.after != "" {
		for _, obj := range w.parse(a.after) {
			if err := w.eve.Delete(w.Context(), obj); err != nil && !apierrors.IsNotFound(err) {
				w.Error(err)
			}
		}
	}
}

// rendered waits until the binding of that name says why nothing is sent.
func rendered(name, reason, message string) func(*world) {
	return func(w *world) {
		w.eventually("the binding says why nothing is sent", func(ctx context.Context) error {
			b := &workv1alpha2.ResourceBinding{}
			if err := w.hub.Client.Get(ctx, client.ObjectKey{Namespace: w.tenant, Name: name}, b); err != nil {
				return err
			}
			c := meta.FindStatusCondition(b.Status.Conditions, binding.ConditionRendered)
			if c == nil || c.Status != "False" || c.Reason != reason || !strings.Contains(c.Message, message) {
				return fmt.Errorf("condition %+v, spec %+v", c, b.Spec)
			}
			return nil
		})
	}
}

// sent waits until the member has an object in the tenant's namespace.
func sent(text string, check func(*unstructured.Unstructured) error) func(*world) {
	return func(w *world) { w.inMember(text, check) }
}

// bound waits until the controllers have taken notice of the binding of that name.
func bound(name string) func(*world) {
	return func(w *world) {
		w.eventually("the binding is looked at", func(ctx context.Context) error {
			b := &workv1alpha2.ResourceBinding{}
			if err := w.hub.Client.Get(ctx, client.ObjectKey{Namespace: w.tenant, Name: name}, b); err != nil {
				return err
			}
			if len(b.Finalizers) == 0 {
				return errors.New("no finalizer")
			}
			return nil
		})
	}
}

// idOf is the permanent id of a binding of the victim.
func (w *world) idOf(name string) string {
	b := &workv1alpha2.ResourceBinding{}
	w.must(w.hub.Client.Get(w.Context(), client.ObjectKey{Namespace: w.victim, Name: name}, b))
	return b.Labels[names.ResourceBindingPermanentID]
}

const (
	// policy sends one kind, and override changes it.
	policy   = `{apiVersion: policy.karmada.io/v1alpha1, kind: PropagationPolicy, metadata: {namespace: $T, name: %[1]s}, spec: {placement: {clusterAffinity: {clusterNames: [fra]}}, resourceSelectors: [{apiVersion: %[2]s, kind: %[3]s, name: %[4]s}]}}`
	override = `{apiVersion: policy.karmada.io/v1alpha1, kind: OverridePolicy, metadata: {namespace: $T, name: %[1]s}, spec: {resourceSelectors: [{apiVersion: %[2]s, kind: %[3]s, name: %[4]s}], overrideRules: [{overriders: %[5]s}]}}`
	role     = "rbac.authorization.k8s.io/v1"
)

// sending is a policy for an object and the object.
func sending(name, apiVersion, kind, object string) string {
	return fmt.Sprintf(policy, name, apiVersion, kind, name) + "\n---\n" + object
}

// overriding is an override policy, then a policy for an object, then the object.
func overriding(name, apiVersion, kind, object, overriders string) string {
	return fmt.Sprintf(override, name, apiVersion, kind, name, overriders) + "\n---\n" + sending(name, apiVersion, kind, object)
}

func configMap(name string) string {
	return `{apiVersion: v1, kind: ConfigMap, metadata: {namespace: $T, name: ` + name + `}, data: {a: "1"}}`
}

func roleBinding(name string) string {
	return `{apiVersion: ` + role + `, kind: RoleBinding, metadata: {namespace: $T, name: ` + name + `}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: "system:aggregate-to-view"},
  subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: eve}]}`
}

// boundTo is a binding that is placed already, and speaks of any resource.
func boundTo(name, resource string) string {
	return `{apiVersion: work.karmada.io/v1alpha2, kind: ResourceBinding, metadata: {namespace: $T, name: ` + name + `}, spec: {clusters: [{name: fra}], resource: ` + resource + `}}`
}

const (
	identity  = "an override can not change"
	power     = "an OverridePolicy changes labels and annotations of "
	forbidden = "is forbidden"
	elsewhere = "spec.resource.namespace"
)

var attacks = map[string]attack{
	// bindings that speak of what others have
	"a binding of another namespace's Secret": {
		yaml:      boundTo("steals-a-secret", `{apiVersion: v1, kind: Secret, namespace: $V, name: unsent}`),
		admission: elsewhere, ends: rendered("steals-a-secret", binding.ReasonRefused, elsewhere),
	},
	"a binding of a ClusterRole": {
		yaml:      boundTo("sends-a-role", `{apiVersion: `+role+`, kind: ClusterRole, name: unsent}`),
		admission: elsewhere, ends: rendered("sends-a-role", binding.ReasonRefused, elsewhere),
	},
	"a binding of a ClusterRole as if it had a namespace": {
		yaml: boundTo("sends-a-role-here", `{apiVersion: `+role+`, kind: ClusterRole, namespace: $T, name: unsent}`),
		ends: rendered("sends-a-role-here", binding.ReasonRefused, `metadata.namespace is "" and must be`),
	},
	"a binding of the tenant's Namespace as if it had one": {
		yaml: boundTo("sends-a-namespace", `{apiVersion: v1, kind: Namespace, namespace: $T, name: $V}`),
		ends: rendered("sends-a-namespace", binding.ReasonRefused, `metadata.namespace is "" and must be`),
	},
	"a binding of the old version of another namespace's ConfigMap": {
		yaml:      `{apiVersion: work.karmada.io/v1alpha1, kind: ResourceBinding, metadata: {namespace: $T, name: old}, spec: {clusters: [{name: fra}], resource: {apiVersion: v1, kind: ConfigMap, namespace: $V, name: accounts}}}`,
		admission: elsewhere, ends: rendered("old", binding.ReasonRefused, elsewhere),
	},
	"a binding that turns to another namespace": {
		do: func(w *world) error {
			if err := w.create(w.eve, sending("turns", "v1", "ConfigMap", configMap("turns"))); err != nil {
				return err
			}
			w.inMember(`{apiVersion: v1, kind: ConfigMap, metadata: {namespace: $T, name: turns}}`, nil)
			b := w.parse(boundTo("turns-configmap", `{}`))[0]
			return w.eve.Patch(w.Context(), b, client.RawPatch("application/merge-patch+json",
				fmt.Appendf(nil, `{"metadata":{"ownerReferences":null},"spec":{"resource":{"kind":"Secret","namespace":%q,"name":"unsent","uid":null}}}`, w.victim)))
		},
		admission: elsewhere,
		ends: func(w *world) { // refused for a moment at least, until the template's controller puts it right
			w.inMember(`{apiVersion: v1, kind: ConfigMap, metadata: {namespace: $T, name: turns}}`, nil)
		},
	},
	"a binding with the permanent id of another": {
		do: func(w *world) error {
			return w.create(w.eve, `{apiVersion: work.karmada.io/v1alpha2, kind: ResourceBinding, metadata: {namespace: $T, name: poses, labels: {resourcebinding.karmada.io/permanent-id: `+w.idOf("accounts-configmap")+`}},
				spec: {resource: {apiVersion: v1, kind: ConfigMap, namespace: $T, name: own}}}`)
		},
		ends: bound("poses"),
	},
	"a binding with the permanent id of another, deleted": {
		do: func(w *world) error {
			return w.create(w.eve, `{apiVersion: work.karmada.io/v1alpha2, kind: ResourceBinding, metadata: {namespace: $T, name: poses-and-goes, labels: {resourcebinding.karmada.io/permanent-id: `+w.idOf("accounts-configmap")+`}},
				spec: {clusters: [{name: fra}], resource: {apiVersion: v1, kind: ConfigMap, namespace: $T, name: own}}}`)
		},
		ends: func(w *world) {
			bound("poses-and-goes")(w)
			b := w.parse(boundTo("poses-and-goes", `{}`))[0]
			w.must(w.eve.Delete(w.Context(), b))
			w.eventually("the binding is gone", func(ctx context.Context) error {
				if err := w.hub.Client.Get(ctx, client.ObjectKeyFromObject(b), b); !apierrors.IsNotFound(err) {
					return fmt.Errorf("it is there: %w", err)
				}
				return nil
			})
		},
	},
	"a binding that another namespace's requires, and with dependencies made up": {
		yaml: `{apiVersion: work.karmada.io/v1alpha2, kind: ResourceBinding, metadata: {namespace: $T, name: made-up, finalizers: [karmada.io/dependencies-distributor],
			annotations: {resourcebinding.karmada.io/dependencies: '[{"apiVersion":"v1","kind":"Secret","namespace":"$V","name":"unsent"}]'}},
			spec: {propagateDeps: true, clusters: [{name: fra}], requiredBy: [{namespace: $V, name: accounts-configmap, clusters: [{name: fra}]}], resource: {apiVersion: v1, kind: ConfigMap, namespace: $T, name: own}}}`,
		ends: func(w *world) {
			bound("made-up")(w)
			w.eventually("nobody believes the annotation", func(ctx context.Context) error {
				b := &workv1alpha2.ResourceBinding{}
				if err := w.hub.Client.Get(ctx, client.ObjectKey{Namespace: w.tenant, Name: "made-up"}, b); err != nil {
					return err
				}
				if text := b.Annotations[names.DependenciesAnnotation]; text != "" {
					return errors.New(text)
				}
				return nil
			})
		},
	},
	"a template whose Work has the name of another namespace's": {
		yaml: sending("accounts", "v1", "ConfigMap", configMap("accounts")),
		ends: rendered("accounts-configmap", "RenderFailed", "is that of binding "),
	},
	"a quota whose Work has the name of another namespace's": {
		yaml: `{apiVersion: policy.karmada.io/v1alpha1, kind: FederatedResourceQuota, metadata: {namespace: $T, name: team}, spec: {overall: {cpu: "100"}, staticAssignments: [{clusterName: fra, hard: {cpu: "100"}}]}}`,
	},

	// overrides
	"an override of the namespace": {
		yaml:      overriding("moves", "v1", "ConfigMap", configMap("moves"), `{plaintext: [{path: /metadata/namespace, operator: replace, value: $V}]}`),
		admission: identity, ends: rendered("moves-configmap", "RenderFailed", identity),
	},
	"an override of the kind": {
		yaml:      overriding("becomes", "v1", "ConfigMap", configMap("becomes"), `{plaintext: [{path: /apiVersion, operator: replace, value: `+role+`}, {path: /kind, operator: replace, value: ClusterRole}]}`),
		admission: identity, ends: rendered("becomes-configmap", "RenderFailed", identity),
	},
	"an override of all metadata": {
		yaml:      overriding("renames", "v1", "ConfigMap", configMap("renames"), `{plaintext: [{path: /metadata, operator: replace, value: {namespace: $V, name: accounts}}]}`),
		admission: identity, ends: rendered("renames-configmap", "RenderFailed", identity),
	},
	"an override of who owns it": {
		yaml:      overriding("claims", "v1", "ConfigMap", configMap("claims"), `{annotationsOverrider: [{operator: add, value: {work.karmada.io/name: accounts}}]}`),
		admission: identity, ends: rendered("claims-configmap", "RenderFailed", identity),
	},
	"an override of text in the name": {
		yaml:      overriding("embeds", "v1", "ConfigMap", configMap("embeds"), `{fieldOverrider: [{fieldPath: /metadata/namespace, yaml: [{subPath: "", operator: replace, value: $V}]}]}`),
		admission: identity, ends: rendered("embeds-configmap", "RenderFailed", identity),
	},
	"an override of the owners": {
		yaml: overriding("orphan", "v1", "ConfigMap", configMap("orphan"), `{plaintext: [{path: /metadata/ownerReferences, operator: add, value: [{apiVersion: v1, kind: Namespace, name: $V, uid: x}]}, {path: /metadata/finalizers, operator: add, value: [example.com/stuck]}]}`),
		ends: sent(`{apiVersion: v1, kind: ConfigMap, metadata: {namespace: $T, name: orphan}}`, func(obj *unstructured.Unstructured) error {
			if len(obj.GetOwnerReferences())+len(obj.GetFinalizers()) > 0 {
				return fmt.Errorf("it has %v, %v", obj.GetOwnerReferences(), obj.GetFinalizers())
			}
			return nil
		}),
	},
	"an override of another namespace's objects": {
		yaml: `{apiVersion: policy.karmada.io/v1alpha1, kind: OverridePolicy, metadata: {namespace: $T, name: reaches}, spec: {resourceSelectors: [{apiVersion: v1, kind: ConfigMap, namespace: $V, name: accounts}],
			overrideRules: [{overriders: {labelsOverrider: [{operator: add, value: {eve: was-here}}]}}]}}`,
		admission: "selects in its own namespace",
	},
	"an override of the role of a RoleBinding": {
		yaml:      overriding("grants", role, "RoleBinding", roleBinding("grants"), `{plaintext: [{path: /roleRef/name, operator: replace, value: cluster-admin}]}`),
		admission: power, ends: rendered("grants-rolebinding", "RenderFailed", power),
	},
	"an override of the role of any object's": {
		yaml: strings.Replace(overriding("grants-any", role, "RoleBinding", roleBinding("grants-any"), `{plaintext: [{path: /roleRef/name, operator: replace, value: cluster-admin}]}`),
			"resourceSelectors: [{apiVersion: "+role+", kind: RoleBinding, name: grants-any}], overrideRules", "overrideRules", 1),
		ends:  rendered("grants-any-rolebinding", "RenderFailed", power),
		after: `{apiVersion: policy.karmada.io/v1alpha1, kind: OverridePolicy, metadata: {namespace: $T, name: grants-any}}`,
	},
	"an override of the subjects of a RoleBinding": {
		yaml:      overriding("shares", role, "RoleBinding", roleBinding("shares"), `{plaintext: [{path: /subjects/-, operator: add, value: {kind: ServiceAccount, namespace: $V, name: default}}]}`),
		admission: power, ends: rendered("shares-rolebinding", "RenderFailed", power),
	},
	"an override of the rules of a Role": {
		yaml: overriding("rules", role, "Role", `{apiVersion: `+role+`, kind: Role, metadata: {namespace: $T, name: rules}, rules: [{apiGroups: [""], resources: [configmaps], verbs: [get]}]}`,
			`{plaintext: [{path: /rules/0/verbs, operator: replace, value: [bind, escalate, impersonate]}]}`),
		admission: power, ends: rendered("rules-role", "RenderFailed", power),
	},

	// templates
	"a RoleBinding to a role that she does not have": {
		yaml:    strings.Replace(roleBinding("too-much"), "system:aggregate-to-view", "cluster-admin", 1),
		refused: "attempting to grant RBAC permissions not currently held",
	},
	"a RoleBinding to a role that she has": {
		yaml: sending("view", role, "RoleBinding", roleBinding("view")),
		ends: sent(`{apiVersion: `+role+`, kind: RoleBinding, metadata: {namespace: $T, name: view}}`, nil),
	},
	"a template that says whose it is": {
		yaml: sending("poser", "v1", "ConfigMap", `{apiVersion: v1, kind: ConfigMap, metadata: {namespace: $T, name: poser, labels: {karmada.io/managed: "true", work.karmada.io/permanent-id: x},
			annotations: {work.karmada.io/namespace: karmada-es-fra, work.karmada.io/name: accounts, resourcebinding.karmada.io/namespace: $V, resourcebinding.karmada.io/name: accounts-configmap}}}`),
		ends: func(w *world) {
			w.inMember(`{apiVersion: v1, kind: ConfigMap, metadata: {namespace: $T, name: poser}}`, func(obj *unstructured.Unstructured) error {
				if key, _, _ := works.Binding(obj); key.Namespace != w.tenant || obj.GetAnnotations()[names.WorkNameAnnotation] != names.WorkName("ConfigMap", "poser", w.tenant) {
					return fmt.Errorf("annotations %v", obj.GetAnnotations())
				}
				return nil
			})
		},
	},
	"a template of another namespace's policy": {
		do: func(w *world) error {
			p := w.parse(`{apiVersion: policy.karmada.io/v1alpha1, kind: PropagationPolicy, metadata: {namespace: $V, name: all}}`)[0]
			w.must(w.hub.Client.Get(w.Context(), client.ObjectKeyFromObject(p), p))
			return w.create(w.eve, `{apiVersion: v1, kind: ConfigMap, metadata: {namespace: $T, name: adopted, labels: {propagationpolicy.karmada.io/permanent-id: `+p.GetLabels()[names.PropagationPolicyPermanentID]+`},
				annotations: {propagationpolicy.karmada.io/namespace: $V, propagationpolicy.karmada.io/name: all}}}`)
		},
	},
	"a kind that the member has without namespaces": {
		yaml: sending("gadget", "example.com/v1", "Widget", `{apiVersion: example.com/v1, kind: Widget, metadata: {namespace: $T, name: gadget}, spec: {}}`),
		ends: func(w *world) {
			key := client.ObjectKey{Namespace: "karmada-es-fra", Name: names.WorkName("Widget", "gadget", w.tenant)}
			w.eventually("the Work says why it is not applied", func(ctx context.Context) error {
				work := &workv1alpha1.Work{}
				if err := w.hub.Client.Get(ctx, key, work); err != nil {
					return err
				}
				if c := meta.FindStatusCondition(work.Status.Conditions, workv1alpha1.WorkApplied); c == nil || c.Status != "False" || !strings.Contains(c.Message, "without namespaces") {
					return fmt.Errorf("condition %+v", c)
				}
				return nil
			})
		},
	},
	"an object of the member's own, in her namespace": { // as in Karmada: the namespace is hers in the member, too
		yaml: strings.Replace(sending("local", "v1", "ConfigMap", configMap("local")), "spec: {", "spec: {conflictResolution: Overwrite, ", 1),
		ends: sent(`{apiVersion: v1, kind: ConfigMap, metadata: {namespace: $T, name: local}}`, func(obj *unstructured.Unstructured) error {
			if obj.GetLabels()[names.ManagedLabel] != "true" {
				return errors.New("it is not managed")
			}
			return nil
		}),
	},

	// policies
	"a policy for another namespace": {
		yaml: `{apiVersion: policy.karmada.io/v1alpha1, kind: PropagationPolicy, metadata: {namespace: $T, name: abroad}, spec: {preemption: Always, priority: 1000, placement: {clusterAffinity: {clusterNames: [fra]}},
			resourceSelectors: [{apiVersion: v1, kind: Secret, namespace: $V, name: unsent}, {apiVersion: v1, kind: ConfigMap, namespace: $V, name: accounts}]}}`,
		admission: "selects in its own namespace",
	},
	"a policy for what has no namespace": {
		yaml: `{apiVersion: policy.karmada.io/v1alpha1, kind: PropagationPolicy, metadata: {namespace: $T, name: above}, spec: {placement: {clusterAffinity: {clusterNames: [fra]}},
			resourceSelectors: [{apiVersion: ` + role + `, kind: ClusterRole, name: unsent}, {apiVersion: v1, kind: Namespace, name: $V}, {apiVersion: ` + role + `, kind: ClusterRole}]}}`,
	},

	// what her rights do not reach
	"a Work":               {yaml: `{apiVersion: work.karmada.io/v1alpha1, kind: Work, metadata: {namespace: karmada-es-fra, name: x}, spec: {}}`, refused: forbidden},
	"a Work of her own":    {yaml: `{apiVersion: work.karmada.io/v1alpha1, kind: Work, metadata: {namespace: $T, name: x}, spec: {workload: {manifests: [{apiVersion: v1, kind: ConfigMap, metadata: {namespace: $V, name: eve}}]}}}`},
	"a cluster's binding":  {yaml: `{apiVersion: work.karmada.io/v1alpha2, kind: ClusterResourceBinding, metadata: {name: x}, spec: {clusters: [{name: fra}], resource: {apiVersion: v1, kind: Namespace, name: $V}}}`, refused: forbidden},
	"a cluster's policy":   {yaml: `{apiVersion: policy.karmada.io/v1alpha1, kind: ClusterPropagationPolicy, metadata: {name: x}, spec: {resourceSelectors: [{apiVersion: v1, kind: Namespace}]}}`, refused: forbidden},
	"a cluster's override": {yaml: `{apiVersion: policy.karmada.io/v1alpha1, kind: ClusterOverridePolicy, metadata: {name: x}, spec: {}}`, refused: forbidden},
	"a script":             {yaml: `{apiVersion: config.karmada.io/v1alpha1, kind: ResourceInterpreterCustomization, metadata: {name: x}, spec: {target: {apiVersion: v1, kind: ConfigMap}, customizations: {}}}`, refused: forbidden},
	"a webhook for kinds":  {yaml: `{apiVersion: config.karmada.io/v1alpha1, kind: ResourceInterpreterWebhookConfiguration, metadata: {name: x}, webhooks: []}`, refused: forbidden},
	"a rebalancing":        {yaml: `{apiVersion: apps.karmada.io/v1alpha1, kind: WorkloadRebalancer, metadata: {name: x}, spec: {workloads: [{apiVersion: v1, kind: ConfigMap, namespace: $V, name: accounts}]}}`, refused: forbidden},
	"a zone of the world":  {yaml: `{apiVersion: traffic.seaway.dev/v1alpha1, kind: Zone, metadata: {name: x}, spec: {domain: example.com}}`, refused: forbidden},
	"a cluster":            {yaml: `{apiVersion: cluster.karmada.io/v1alpha1, kind: Cluster, metadata: {name: x}, spec: {syncMode: Push}}`, refused: forbidden},
	"a policy over there":  {yaml: `{apiVersion: policy.karmada.io/v1alpha1, kind: PropagationPolicy, metadata: {namespace: $V, name: x}, spec: {resourceSelectors: [{apiVersion: v1, kind: Secret}]}}`, refused: forbidden},
	"her Namespace, relabelled": {
		do: func(w *world) error {
			ns := w.parse(`{apiVersion: v1, kind: Namespace, metadata: {name: $T}}`)[0]
			return w.eve.Patch(w.Context(), ns, client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":"privileged"}}}`)))
		},
		refused: forbidden,
	},
	"an object that is protected": {
		do: func(w *world) error {
			const safe = `{apiVersion: v1, kind: ConfigMap, metadata: {namespace: $T, name: safe, labels: {resourcetemplate.karmada.io/deletion-protected: Always}}}`
			if err := w.create(w.eve, safe); err != nil {
				return err
			}
			return w.eve.Delete(w.Context(), w.parse(safe)[0])
		},
		refused: "it is protected from deletion",
	},
}
