package dependency

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/hub"
)

func expect(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

var (
	settings = keyFor(configMap, "settings")
	password = keyFor(secret, "password")
)

func TestLifeOfADependency(t *testing.T) {
	w := newWorld(t)
	w.put(settings, nil)
	w.refers["web"] = append(w.refers["web"], named("ConfigMap", "settings"), named("Secret", "password"))
	web := w.parent("web", "fra", "iad")
	w.settle()
	expect(t, "one write for each", []string{"create settings-configmap", "patch web-deployment"}, w.wrote())
	expect(t, "told", []string{
		"GetDependenciesSucceed on binding web-deployment: Dependencies found: 2",
		"GetDependenciesSucceed on Deployment web: Dependencies found: 2",
		"SyncScheduleResultToDependenciesSucceed on binding web-deployment: Dependencies know the clusters of this",
		"SyncScheduleResultToDependenciesSucceed on Deployment web: Dependencies know the clusters of this",
	}, w.said())
	expect(t, "the list", `[{"apiVersion":"v1","kind":"ConfigMap","namespace":"shop","name":"settings"},{"apiVersion":"v1","kind":"Secret","namespace":"shop","name":"password"}]`,
		w.stored[web].Annotations[names.DependenciesAnnotation])
	b := w.stored[bindingName(settings)]
	expect(t, "the label", "id-of-web", b.Labels[names.DependedByLabelKey("shop", "web-deployment")])
	expect(t, "the clusters", "web-deployment: fra iad", w.requiredIn(settings))

	w.put(password, nil)
	w.settle()
	expect(t, "what appears is attached at once", []string{"create password-secret"}, w.wrote())

	w.change(web, func(b *binding) { b.Spec.Clusters = placed("iad", "sin") })
	reads := w.reads
	w.settle()
	expect(t, "a move is one write for each dependency", []string{"patch password-secret", "patch settings-configmap"}, w.wrote())
	expect(t, "and reads no template", reads, w.reads)
	expect(t, "the clusters", "web-deployment: iad sin", w.requiredIn(settings))

	w.put(settings, nil)
	w.settle()
	expect(t, "an edit of a dependency reaches its binding", []string{"patch settings-configmap"}, w.wrote())

	w.edit(web, named("Secret", "password"))
	w.settle()
	expect(t, "what the template no longer refers to stays behind", []string{"patch settings-configmap", "patch web-deployment"}, w.wrote())
	expect(t, "nobody needs it", "", w.requiredIn(settings))
	expect(t, "labels", map[string]string{names.ResourceBindingPermanentID: b.Labels[names.ResourceBindingPermanentID]}, w.stored[bindingName(settings)].Labels)

	w.said()
	w.restart()
	w.settle()
	expect(t, "a restart writes and tells nothing", []string(nil), append(w.wrote(), w.said()...))

	w.remove(web)
	w.deliver()
	w.doParent(0)
	expect(t, "the parent stays until its snapshots are gone", true, w.stored[web] != nil)
	w.settle()
	expect(t, "then it goes", []string{"patch password-secret", "patch web-deployment"}, w.wrote())
	expect(t, "the parent", true, w.stored[web] == nil)
	expect(t, "its snapshot", "", w.requiredIn(password))
}

func TestParentsShareADependency(t *testing.T) {
	w := newWorld(t)
	w.put(settings, nil)
	all := []string{"a", "b", "c"}
	for _, name := range all {
		w.refers[name] = append(w.refers[name], named("ConfigMap", "settings"))
		w.parent(name, "fra")
	}
	w.settle()
	expect(t, "they come together: one write", []string{"create settings-configmap", "patch a-deployment", "patch b-deployment", "patch c-deployment"}, w.wrote())
	for _, name := range all {
		w.change(bindingName(keyFor(deployment, name)), func(b *binding) { b.Spec.Clusters = placed("iad") })
	}
	w.settle()
	expect(t, "they move together: one write", []string{"patch settings-configmap"}, w.wrote())
	expect(t, "clusters", "a-deployment: iad, b-deployment: iad, c-deployment: iad", w.requiredIn(settings))
}

func TestAPolicyOfItsOwn(t *testing.T) {
	w := newWorld(t)
	w.put(settings, nil)
	w.refers["web"] = append(w.refers["web"], named("ConfigMap", "settings"))
	web := w.parent("web", "fra")
	w.change(web, func(b *binding) { b.Spec.ConflictResolution = policyv1alpha1.ConflictOverwrite })
	w.settle()
	w.change(bindingName(settings), func(b *binding) { // as a policy claims it
		b.Labels[names.PropagationPolicyPermanentID] = "p"
		b.Spec.Placement = &policyv1alpha1.Placement{}
		b.Spec.ConflictResolution = policyv1alpha1.ConflictAbort
		b.Spec.Clusters = placed("sin")
	})
	w.put(settings, map[string]string{"app": "web"})
	w.wrote()
	w.settle()
	expect(t, "the policy's word and work are its own", []string(nil), w.wrote())
	w.change(web, func(b *binding) { b.Spec.Clusters = placed("iad") })
	w.settle()
	expect(t, "the parent's clusters follow", "web-deployment: iad", w.requiredIn(settings))
	expect(t, "the policy's stay", placed("sin"), w.stored[bindingName(settings)].Spec.Clusters)
	expect(t, "its conflict resolution too", policyv1alpha1.ConflictAbort, w.stored[bindingName(settings)].Spec.ConflictResolution)
}

func TestParentsDisagree(t *testing.T) {
	w := newWorld(t)
	w.put(settings, nil)
	w.refers["a"] = append(w.refers["a"], named("ConfigMap", "settings"))
	w.refers["b"] = w.refers["a"]
	w.parent("a", "fra")
	w.settle()
	w.said()
	b := w.parent("b", "iad")
	w.change(b, func(b *binding) {
		b.Spec.ConflictResolution = policyv1alpha1.ConflictOverwrite
		yes := true
		b.Spec.PreserveResourcesOnDeletion = &yes
	})
	w.settle()
	const message = "The policies of what needs ConfigMap shop/settings disagree: ConflictResolution conflicted (Overwrite vs Abort), " +
		"PreserveResourcesOnDeletion conflicted (true vs false). It has conflictResolution Overwrite and preserveResourcesOnDeletion true"
	expect(t, "told to all who are concerned", []string{
		"DependencyPolicyConflict on binding settings-configmap: " + message, "DependencyPolicyConflict on ConfigMap settings: " + message,
		"DependencyPolicyConflict on binding a-deployment: " + message, "DependencyPolicyConflict on Deployment a: " + message,
		"DependencyPolicyConflict on binding b-deployment: " + message, "DependencyPolicyConflict on Deployment b: " + message,
	}, conflicts(w.said()))
	w.restart()
	w.settle()
	w.change(b, func(b *binding) { b.Spec.Clusters = placed("sin") })
	w.settle()
	expect(t, "a restart and a move are no news", []string(nil), conflicts(w.said()))
	w.remove(b)
	w.settle()
	got := w.stored[bindingName(settings)].Spec
	expect(t, "alone, the other has its way", policyv1alpha1.ConflictAbort, got.ConflictResolution)
	expect(t, "in both", (*bool)(nil), got.PreserveResourcesOnDeletion)
}

func conflicts(events []string) (out []string) {
	for _, e := range events {
		if strings.HasPrefix(e, names.EventReasonDependencyPolicyConflict+" ") {
			out = append(out, e)
		}
	}
	return out
}

func TestDependenciesByLabels(t *testing.T) {
	w := newWorld(t)
	w.refers["web"] = append(w.refers["web"], labelled("ConfigMap", "app", "web"))
	w.put(settings, map[string]string{"app": "web"})
	w.put(keyFor(configMap, "other"), map[string]string{"app": "api"})
	w.parent("web", "fra")
	w.settle()
	expect(t, "the one that matches", []string{"create settings-configmap", "patch web-deployment"}, w.wrote())
	w.put(keyFor(configMap, "other"), map[string]string{"app": "web"})
	w.put(settings, map[string]string{"app": "api"})
	w.settle()
	expect(t, "labels change", []string{"create other-configmap", "patch settings-configmap"}, w.wrote())
	expect(t, "one comes", "web-deployment: fra", w.requiredIn(keyFor(configMap, "other")))
	expect(t, "the other goes", "", w.requiredIn(settings))
	w.gone(keyFor(configMap, "other"))
	w.settle()
	expect(t, "its binding goes with it", "no binding", w.requiredIn(keyFor(configMap, "other")))
	w.put(keyFor(configMap, "other"), map[string]string{"app": "web"})
	w.settle()
	expect(t, "and comes again", "web-deployment: fra", w.requiredIn(keyFor(configMap, "other")))
}

func TestNothingLeadsOutOfTheNamespace(t *testing.T) {
	w := newWorld(t)
	outside := named("Secret", "root")
	outside.Namespace = "kube-system"
	global := named("ClusterRole", "admin")
	global.APIVersion, global.Namespace = "rbac.authorization.k8s.io/v1", ""
	key := keyFor(secret, "root")
	key.Namespace = "kube-system"
	w.put(key, nil)
	w.refers["web"] = append(w.refers["web"], outside, global)
	w.parent("web", "fra")
	w.settle()
	expect(t, "only the list is written", []string{"patch web-deployment"}, w.wrote())
	message := `dependency ClusterRole admin: namespace must be "shop", that of the template: what has no namespace can not follow a template that has one; give it a policy of its own`
	expect(t, "told", []string{
		"GetDependenciesFailed on binding web-deployment: dependency Secret kube-system/root: namespace must be \"shop\", that of the template: only what lies beside a template can follow it\n" + message,
		"GetDependenciesFailed on Deployment web: dependency Secret kube-system/root: namespace must be \"shop\", that of the template: only what lies beside a template can follow it\n" + message,
	}, w.said())
}

func TestABindingOfAnotherNamespacesTemplateLeadsNobody(t *testing.T) {
	w := newWorld(t)
	w.put(settings, nil)
	w.refers["web"] = append(w.refers["web"], named("ConfigMap", "settings"))
	web := w.parent("web", "fra")
	w.change(web, func(b *binding) { b.Spec.Resource.Namespace = "bank" })
	w.settle()
	expect(t, "writes", []string(nil), w.wrote())
	expect(t, "reads", 0, w.reads)
}

func TestATemplateThatCanNotBeRead(t *testing.T) {
	w := newWorld(t)
	w.put(settings, nil)
	w.refers["web"] = append(w.refers["web"], named("ConfigMap", "settings"))
	web := w.parent("web", "fra")
	w.settle()
	w.wrote()
	w.said()
	w.edit(web, named("Nonsense", "x"))
	w.deliver()
	w.doParent(0)
	expect(t, "told", []string{
		"GetDependenciesFailed on binding web-deployment: spec.template: must be an object",
		"GetDependenciesFailed on Deployment web: spec.template: must be an object",
	}, w.said())
	expect(t, "what it had stays", "web-deployment: fra", w.requiredIn(settings))
	w.edit(web, named("ConfigMap", "settings"))
	w.settle()
	expect(t, "nothing changed after all", []string(nil), w.wrote())
}

func TestWhereAParentStillIs(t *testing.T) {
	w := newWorld(t)
	w.put(settings, nil)
	w.refers["web"] = append(w.refers["web"], named("ConfigMap", "settings"))
	web := w.parent("web", "fra")
	w.settle()
	leaving := func(mode policyv1alpha1.PurgeMode) func(*binding) {
		return func(b *binding) {
			b.Spec.Clusters = placed("iad")
			b.Spec.GracefulEvictionTasks = []workv1alpha2.GracefulEvictionTask{{FromCluster: "fra", PurgeMode: mode, Reason: "ClusterLost", Producer: "test"}}
		}
	}
	w.change(web, leaving(policyv1alpha1.PurgeModeGracefully))
	w.settle()
	expect(t, "it is needed in both", "web-deployment: iad fra", w.requiredIn(settings))
	w.change(web, leaving(policyv1alpha1.PurgeModeDirectly))
	w.settle()
	expect(t, "left directly, it is not", "web-deployment: iad", w.requiredIn(settings))
	w.change(web, func(b *binding) { b.Spec.Clusters, b.Spec.GracefulEvictionTasks = nil, nil })
	w.settle()
	expect(t, "a parent that is nowhere needs nothing", "", w.requiredIn(settings))
}

func TestNoLongerAParent(t *testing.T) {
	w := newWorld(t)
	w.put(settings, nil)
	w.refers["web"] = append(w.refers["web"], named("ConfigMap", "settings"))
	web := w.parent("web", "fra")
	w.settle()
	w.wrote()
	w.change(web, func(b *binding) { b.Spec.PropagateDeps = false })
	w.settle()
	expect(t, "writes", []string{"patch settings-configmap", "patch web-deployment"}, w.wrote())
	expect(t, "the clusters", "", w.requiredIn(settings))
	expect(t, "the marks are off", []string{names.BindingFinalizer}, w.stored[web].Finalizers)
	expect(t, "both", "", w.stored[web].Annotations[names.DependenciesAnnotation])
}

func TestTwoKindsShareABindingName(t *testing.T) {
	w := newWorld(t)
	w.put(settings, nil)
	stranger := &binding{}
	stranger.Namespace, stranger.Name = "shop", "settings-configmap"
	stranger.Spec.Resource = workv1alpha2.ObjectReference{APIVersion: "example.com/v1", Kind: "ConfigMap", Namespace: "shop", Name: "settings"}
	w.store(stranger)
	w.deliver()
	w.refers["web"] = append(w.refers["web"], named("ConfigMap", "settings"))
	w.parent("web", "fra")
	w.deliver()
	w.see()
	w.doParent(0)
	w.said()
	w.doDependency(0)
	expect(t, "told", []string{
		"SyncScheduleResultToDependenciesFailed on binding web-deployment: ConfigMap shop/settings does not follow: the binding shop/settings-configmap belongs to another object, ConfigMap shop/settings of example.com/v1: rename one of the two",
		"SyncScheduleResultToDependenciesFailed on Deployment web: ConfigMap shop/settings does not follow: the binding shop/settings-configmap belongs to another object, ConfigMap shop/settings of example.com/v1: rename one of the two",
	}, w.said())
	expect(t, "the stranger is left alone", []string{"patch web-deployment"}, w.wrote())
}

// TestASnapshotWithoutAParent: a parent was deleted by force while nobody looked.
func TestASnapshotWithoutAParent(t *testing.T) {
	w := newWorld(t)
	w.put(settings, nil)
	w.refers["web"] = append(w.refers["web"], named("ConfigMap", "settings"))
	web := w.parent("web", "fra")
	w.settle()
	delete(w.stored, web)
	w.wrote()
	w.restart()
	w.settle()
	expect(t, "writes", []string{"patch settings-configmap"}, w.wrote())
	expect(t, "the clusters", "", w.requiredIn(settings))
}

// TestAfterARestartNothingIsForgottenTooSoon: before the template of a parent has been read again, its
// snapshots stay.
func TestAfterARestartNothingIsForgottenTooSoon(t *testing.T) {
	w := newWorld(t)
	w.put(settings, map[string]string{"app": "web"})
	w.refers["a"] = append(w.refers["a"], named("ConfigMap", "settings"))
	w.refers["b"] = append(w.refers["b"], labelled("ConfigMap", "app", "web"))
	w.parent("a", "fra")
	w.parent("b", "iad")
	w.settle()
	w.wrote()
	w.restart()
	for len(w.dependency.items) > 0 {
		w.doDependency(0)
	}
	expect(t, "no template is read yet", []string(nil), w.wrote())
	for len(w.parentQ.items) > 0 {
		w.doParent(0)
	}
	for len(w.dependency.items) > 0 {
		w.doDependency(0)
	}
	expect(t, "no object is known yet", []string(nil), w.wrote())
	w.settle()
	expect(t, "all is known", []string(nil), w.wrote())
}

func TestAKindThatIsExplainedAnewIsReadAnew(t *testing.T) {
	w := newWorld(t)
	w.put(settings, nil)
	w.put(password, nil)
	w.refers["web"] = append(w.refers["web"], named("ConfigMap", "settings"))
	web := w.parent("web", "fra")
	w.settle()
	w.wrote()
	news := &hub.Interpretations{}
	w.parents.interpretations = news
	news.Changed(deployment.WithVersion("v1"))
	w.parentQ.Add(ctrl.Request{NamespacedName: web})
	reads := w.reads
	w.settle()
	expect(t, "the same explanation writes nothing", []string(nil), w.wrote())
	expect(t, "it is read once", reads+1, w.reads)

	w.refers["web"] = append(w.refers["web"][:0:0], named("Secret", "password"))
	news.Changed(deployment.WithVersion("v1"))
	w.parentQ.Add(ctrl.Request{NamespacedName: web})
	w.settle()
	expect(t, "other dependencies follow", "web-deployment: fra", w.requiredIn(password))
	expect(t, "those of before stay behind", "", w.requiredIn(settings))
}
