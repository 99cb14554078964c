package residency

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
)

func TestOf(t *testing.T) {
	cluster := func(labels map[string]string) *clusterv1alpha1.Cluster {
		return &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Labels: labels}}
	}
	eu, us, bare := cluster(map[string]string{"geo": "eu"}), cluster(map[string]string{"geo": "us"}), cluster(nil)
	for name, tc := range map[string]struct {
		annotations  map[string]string
		fails        bool
		eu, us, bare bool
	}{
		"no wall":                    {nil, false, true, true, true},
		"Europe":                     {map[string]string{names.ResidencyAnnotation: "geo=eu"}, false, true, false, false},
		"one of two":                 {map[string]string{names.ResidencyAnnotation: "geo in (eu, us)"}, false, true, true, false},
		"not America":                {map[string]string{names.ResidencyAnnotation: "geo!=us"}, false, true, false, true},
		"nothing written":            {map[string]string{names.ResidencyAnnotation: ""}, true, false, false, false},
		"what can not be read":       {map[string]string{names.ResidencyAnnotation: "geo in eu"}, true, false, false, false},
		"a value that can not exist": {map[string]string{names.ResidencyAnnotation: "geo=e/u"}, true, false, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			wall, err := Of(tc.annotations)
			if (err != nil) != tc.fails {
				t.Errorf("error %v", err)
			}
			if eu, us, bare := wall.Inside(eu), wall.Inside(us), wall.Inside(bare); eu != tc.eu || us != tc.us || bare != tc.bare {
				t.Errorf("eu %t, us %t, without labels %t", eu, us, bare)
			}
		})
	}
}

// Whatever is written, it is a wall that lets only in what it says, or an error and a wall that lets
// nobody in.
func FuzzOf(f *testing.F) {
	for _, seed := range []string{"", "geo=eu", "geo in (a,b)", "!geo", "a=b,c", ",", "geo==eu,geo!=us"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		wall, err := Of(map[string]string{names.ResidencyAnnotation: text})
		if !wall.Stands() {
			t.Fatal("the annotation draws no wall")
		}
		if err != nil && (wall.Inside(&clusterv1alpha1.Cluster{}) || wall.Inside(&clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"geo": "eu"}}})) {
			t.Fatal("a wall that can not be read lets somebody in")
		}
	})
}
