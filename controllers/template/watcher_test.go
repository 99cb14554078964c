package template

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	metadatafake "k8s.io/client-go/metadata/fake"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"

	"github.com/seaway-io/seaway/api/names"
	"github.com/seaway-io/seaway/controllers/core/claim"
)

// hubAPI answers discovery.
type hubAPI struct {
	lists []*metav1.APIResourceList
	err   error
	asked int
}

func (h *hubAPI) ServerPreferredResources() ([]*metav1.APIResourceList, error) {
	h.asked++
	return h.lists, h.err
}

func api(groupVersion string, resources ...metav1.APIResource) *metav1.APIResourceList {
	return &metav1.APIResourceList{GroupVersion: groupVersion, APIResources: resources}
}

func resource(name, kind string, verbs ...string) metav1.APIResource {
	if len(verbs) == 0 {
		verbs = []string{"get", "list", "watch", "delete"}
	}
	return metav1.APIResource{Name: name, Kind: kind, Namespaced: true, Verbs: verbs}
}

func TestDiscover(t *testing.T) {
	rules, _ := claim.ParseRules(nil, nil)
	h := &hubAPI{lists: []*metav1.APIResourceList{
		api("v1", resource("configmaps", "ConfigMap"), resource("bindings", "Binding", "create"), resource("pods/log", "Pod"), resource("events", "Event")),
		api("apps/v1", resource("deployments", "Deployment"), resource("readonly", "ReadOnly", "list", "watch")),
		api("work.karmada.io/v1alpha2", resource("resourcebindings", "ResourceBinding")),
	}}
	found, unknown, err := discover(h, &rules)
	if err != nil || len(unknown) > 0 {
		t.Fatal(unknown, err)
	}
	if diff := cmp.Diff(served{configMap: configMaps, deployment: deployments}, found); diff != "" {
		t.Error(diff)
	}
	h.err = errors.New("refused")
	if _, _, err := discover(h, &rules); err == nil {
		t.Error("no answer at all is no error")
	}
}

func partial(namespace, name string, change func(*metav1.PartialObjectMetadata)) *metav1.PartialObjectMetadata {
	m := &metav1.PartialObjectMetadata{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Generation: 1, UID: "u"},
	}
	if change != nil {
		change(m)
	}
	return m
}

func TestWatcherFollowsWhatTheHubServes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		rules, _ := claim.ParseRules(nil, claim.DefaultSkippedNamespaces)
		s := metadatafake.NewTestScheme()
		if err := metav1.AddMetaToScheme(s); err != nil {
			t.Fatal(err)
		}
		claimed := partial("shop", "claimed", func(m *metav1.PartialObjectMetadata) {
			m.Labels = map[string]string{names.ClusterPropagationPolicyPermanentID: "c-id"}
			m.Annotations = map[string]string{names.ClusterPropagationPolicyNameAnnotation: "c"}
		})
		objs := []runtime.Object{partial("shop", "web", nil), claimed, partial("kube-system", "dns", nil)}
		h := &hubAPI{lists: []*metav1.APIResourceList{api("apps/v1", resource("deployments", "Deployment"))}}
		seen, forgotten := map[string]bool{}, map[string]bool{}
		w := &watcher{
			discovery: h, metadata: metadatafake.NewSimpleMetadataClient(s, objs...), rules: &rules, clock: clock.RealClock{},
			changed: func(k Key, initial bool) { seen[k.Name] = initial },
			forget:  func(k Key) { forgotten[k.Name] = true },
			news:    make(chan struct{}, 1), watches: map[schema.GroupVersionKind]*watch{},
		}
		q := priorityqueue.New[Key]("test")
		if err := w.Start(ctx, q); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()

		var queued []string
		for q.Len() > 0 {
			key, priority, _ := q.GetWithPriority()
			if priority != -100 {
				t.Errorf("%s from the first list has priority %d", key, priority)
			}
			queued = append(queued, key.Name)
			q.Done(key)
			synctest.Wait()
		}
		slices.Sort(queued)
		if diff := cmp.Diff([]string{"claimed", "web"}, queued); diff != "" {
			t.Error("queued", diff)
		}
		if owned := w.claimedBy(types.NamespacedName{Name: "c"}); len(owned) != 1 || owned[0].GetName() != "claimed" {
			t.Errorf("claimed by the policy: %v", owned)
		}

		// The group does not answer: what is known of it stays.
		h.lists, h.err = nil, &discovery.ErrGroupDiscoveryFailed{Groups: map[schema.GroupVersion]error{{Group: "apps", Version: "v1"}: errors.New("down")}}
		time.Sleep(refreshEvery + time.Second)
		synctest.Wait()
		if w.informer(deployment) == nil || w.missing(deployment) != "" {
			t.Error("a group that does not answer is forgotten")
		}

		// The kind is gone.
		h.err = nil
		time.Sleep(refreshEvery)
		synctest.Wait()
		if w.informer(deployment) != nil || w.missing(deployment) == "" {
			t.Error("a kind that is gone is still watched")
		}

		// It comes back with a CRD, and is asked for at once.
		h.lists = []*metav1.APIResourceList{api("apps/v1", resource("deployments", "Deployment"))}
		before := h.asked
		w.tellNews()
		time.Sleep(time.Second)
		synctest.Wait()
		if h.asked != before+1 || w.informer(deployment) == nil {
			t.Errorf("asked %d times a second after a CRD changed", h.asked-before)
		}
		cancel()
		q.ShutDown()
		synctest.Wait()
	})
}

// News that never end, as of a CRD that flaps, do not put the question off.
func TestNewsAreHeardSoon(t *testing.T) {
	now := time.Unix(1000, 0)
	due := soon(now.Add(refreshEvery), now)
	for range 10 {
		now = now.Add(100 * time.Millisecond)
		due = soon(due[0], now)
	}
	if want := time.Unix(1000, 0).Add(afterNews[0]); !due[0].Equal(want) || len(due) != len(afterNews) {
		t.Errorf("asked at %v, want %v first", due, want)
	}
}
