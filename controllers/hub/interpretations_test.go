package hub

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

var (
	fleet  = schema.GroupVersionKind{Group: "games.example.com", Version: "v1", Kind: "Fleet"}
	widget = schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "Widget"}
)

func TestFollowersHearOfEveryKindOnceForABurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		news := &Interpretations{}
		news.Changed(fleet) // before anybody follows: nothing was made with an earlier version
		busy, heard := make(chan struct{}), map[schema.GroupVersionKind]int{}
		news.Follow(ctx, func(_ context.Context, kind schema.GroupVersionKind) {
			heard[kind]++
			<-busy
		})
		other := 0
		news.Follow(ctx, func(context.Context, schema.GroupVersionKind) { other++ })
		news.Changed(widget)
		synctest.Wait()
		for range 100 { // while the first follower is busy
			news.Changed(fleet)
		}
		synctest.Wait()
		close(busy)
		synctest.Wait()
		if diff := cmp.Diff(map[schema.GroupVersionKind]int{widget: 1, fleet: 1}, heard); diff != "" {
			t.Error(diff)
		}
		if other < 2 {
			t.Errorf("a follower that is not busy heard %d times: it waited for another", other)
		}
		if got := news.Version(fleet); got != 101 {
			t.Errorf("version %d", got)
		}
		cancel()
		synctest.Wait()
		news.Changed(fleet)
		synctest.Wait()
		if heard[fleet] != 1 || len(news.followers) != 0 {
			t.Errorf("told after its end: %v, %d followers", heard, len(news.followers))
		}
	})
}

func TestNobodyHasNews(t *testing.T) {
	var none *Interpretations
	none.Follow(t.Context(), func(context.Context, schema.GroupVersionKind) { t.Error("told") })
	if none.Version(fleet) != 0 {
		t.Error("a version")
	}
}

func TestWhatIsInterpretedAnewGivesWay(t *testing.T) {
	news := &Interpretations{}
	broken := true
	queue := priorityqueue.New[string]("")
	defer queue.ShutDown()
	asked := make(chan schema.GroupVersionKind)
	src := Reinterpreted(news, func(_ context.Context, kind schema.GroupVersionKind) ([]string, error) {
		defer func() { asked <- kind }()
		if broken {
			return nil, errors.New("broken")
		}
		return []string{"a", "b"}, nil
	})
	if err := src.Start(t.Context(), queue); err != nil {
		t.Fatal(err)
	}
	news.Changed(fleet)
	<-asked // an error is logged, and nothing else
	broken = false
	news.Changed(widget)
	if kind := <-asked; kind != widget {
		t.Errorf("asked about %s", kind)
	}
	var order []string
	for range 2 { // the queue has them a moment after they were listed
		item, priority, _ := queue.GetWithPriority()
		order = append(order, item)
		if priority >= 0 {
			t.Errorf("%s has priority %d", item, priority)
		}
		queue.Done(item)
	}
	if diff := cmp.Diff([]string{"a", "b"}, order); diff != "" {
		t.Error(diff)
	}
}

func TestBindingsByTheirTemplates(t *testing.T) {
	of := func(name string, kind schema.GroupVersionKind, template string) *workv1alpha2.ResourceBinding {
		b := binding(name, "fra")
		b.Spec.Resource = workv1alpha2.ObjectReference{APIVersion: kind.GroupVersion().String(), Kind: kind.Kind, Name: template}
		return b
	}
	global := &workv1alpha2.ClusterResourceBinding{}
	global.Name = "fleet"
	global.Spec.Resource = of("x", fleet, "one").Spec.Resource
	h := newHub(of("one-fleet", fleet, "one"), of("two-fleet", fleet, "two"), of("one-widget", widget, "one"), global)
	for name, tt := range map[string]struct {
		key    string
		global bool
		want   []string
	}{
		"a kind":               {TemplateKind(fleet), false, []string{"shop/one-fleet", "shop/two-fleet"}},
		"a kind, cluster-wide": {TemplateKind(fleet), true, []string{"/fleet"}},
		"one by name":          {TemplateName(fleet, "two"), false, []string{"shop/two-fleet"}},
		"another version":      {TemplateKind(fleet.GroupKind().WithVersion("v2")), false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			requests, err := BindingRequests(t.Context(), h, tt.global, client.MatchingFields{IndexBindingByTemplate: tt.key})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, namesOf(requests)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func namesOf(requests []reconcile.Request) (out []string) {
	for _, r := range requests {
		out = append(out, r.String())
	}
	return out
}
