package binding

import (
	"testing"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// Nothing keeps other schedulers from naming a cluster twice. Two Works of one name would be written over
// each other for as long as it stands so.
func TestAClusterThatIsNamedTwiceGetsOneWork(t *testing.T) {
	w := newWorld(t, objects(t)...)
	w.change(func(b *workv1alpha2.ResourceBinding) {
		b.Spec.Replicas = 3
		b.Spec.Clusters = []workv1alpha2.TargetCluster{{Name: "fra", Replicas: 2}, {Name: "fra", Replicas: 1}}
	})
	writes, _, _ := w.sync()
	expect(t, "writes", []string{"create karmada-es-fra/" + workName, "patch shop/settings-configmap"}, writes)
	writes, _, result := w.sync()
	expect(t, "and no more", []string(nil), writes)
	if result.RequeueAfter > 0 {
		t.Errorf("looks again after %s", result.RequeueAfter)
	}
}
