package dependency

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/deps"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestStory tells a shop's life, with every write and every event, in testdata/story.txt, which people
// review.
func TestStory(t *testing.T) {
	w := newWorld(t)
	var out strings.Builder
	var web, api types.NamespacedName
	ca := keyFor(configMap, "ca")
	for _, step := range []struct {
		what string
		do   func()
	}{
		{"web needs settings, password and every ConfigMap labelled trust=yes; settings is on the hub", func() {
			w.refers["web"] = append(w.refers["web"], named("ConfigMap", "settings"), named("Secret", "password"), labelled("ConfigMap", "trust", "yes"))
			w.put(settings, nil)
			web = w.parent("web")
		}},
		{"web is placed in fra and iad", func() { w.change(web, func(b *binding) { b.Spec.Clusters = placed("fra", "iad") }) }},
		{"password appears", func() { w.put(password, nil) }},
		{"ca appears with the label", func() { w.put(ca, map[string]string{"trust": "yes"}) }},
		{"api, which needs settings too, is placed in sin; its policy says Overwrite", func() {
			w.refers["api"] = append(w.refers["api"], named("ConfigMap", "settings"))
			api = w.parent("api", "sin")
			w.change(api, func(b *binding) { b.Spec.ConflictResolution = policyv1alpha1.ConflictOverwrite })
		}},
		{"fra is lost: failover moves web to sin, and what is in fra is awaited", func() {
			w.change(web, func(b *binding) {
				b.Spec.Clusters = placed("iad", "sin")
				b.Spec.GracefulEvictionTasks = []workv1alpha2.GracefulEvictionTask{{FromCluster: "fra", PurgeMode: policyv1alpha1.PurgeModeGracefully,
					Reason: workv1alpha2.EvictionReasonClusterLost, Producer: workv1alpha2.EvictionProducerFailover}}
			})
		}},
		{"the controllers start anew", w.restart},
		{"fra is given up", func() { w.change(web, func(b *binding) { b.Spec.GracefulEvictionTasks = nil }) }},
		{"ca loses its label", func() { w.put(ca, nil) }},
		{"settings gets a policy of its own, for fra", func() {
			w.change(bindingName(settings), func(b *binding) {
				b.Labels[names.PropagationPolicyPermanentID] = "p"
				b.Spec.Placement, b.Spec.Clusters = &policyv1alpha1.Placement{}, placed("fra")
			})
		}},
		{"an edit of web makes it need nothing but a Secret of another namespace", func() {
			outside := named("Secret", "root")
			outside.Namespace = "bank"
			w.edit(web, outside)
		}},
		{"api is deleted", func() { w.remove(api) }},
		{"web takes nothing along any more", func() { w.change(web, func(b *binding) { b.Spec.PropagateDeps = false }) }},
		{"password is deleted", func() { w.gone(password) }},
	} {
		step.do()
		w.settle()
		fmt.Fprintf(&out, "%s\n", step.what)
		for _, line := range append(w.wrote(), w.said()...) {
			fmt.Fprintf(&out, "    %s\n", strings.ReplaceAll(line, "\n", "\n        "))
		}
		for _, key := range []deps.Key{settings, password, ca} {
			if b := w.stored[bindingName(key)]; b != nil {
				fmt.Fprintf(&out, "  %s: required by [%s], %s\n", key, w.requiredIn(key), b.Spec.ConflictResolution)
			}
		}
	}
	const file = "testdata/story.txt"
	if *update {
		if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
