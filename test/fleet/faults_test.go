//go:build linux

package fleet

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// apiAnswers asks the API server from the switch, with little patience.
func apiAnswers(t *testing.T, cluster *Cluster) error {
	t.Helper()
	config := cluster.RESTConfig()
	config.Timeout = time.Second
	_, err := client(t, config).CoreV1().Namespaces().Get(t.Context(), "default", metav1.GetOptions{})
	return err
}

func TestAKilledMemberIsGoneAndComesBack(t *testing.T) {
	f := sharedFleet(t)
	fra := f.Members["fra"]
	s := newShop(t, fra, "shop:1")
	s.opens()
	if err := fra.Kill(); err != nil {
		t.Fatal(err)
	}
	s.mustNotAnswer()
	if err := apiAnswers(t, fra); err == nil {
		t.Error("the API server answers")
	}
	if err := apiAnswers(t, f.Hub); err != nil {
		t.Errorf("the hub does not answer: %v", err)
	}
	start := time.Now()
	if err := fra.Revive(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.opens()
	t.Logf("revived and answering after %.1f s", time.Since(start).Seconds())
	eventually(t, "four ready pods", func(ctx context.Context) error {
		pods, err := s.pods(ctx)
		if err == nil && len(pods) != 4 {
			err = fmt.Errorf("%d are ready", len(pods))
		}
		return err
	})
	// It is not only the old that answers: new pods run too.
	if err := s.client.CoreV1().Pods(s.name).DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
		t.Fatal(err)
	}
	s.opens()
}

func TestAFrozenMemberHangsAndGoesOn(t *testing.T) {
	f := sharedFleet(t)
	iad := f.Members["iad"]
	s := newShop(t, iad, "shop:1")
	s.opens()
	if err := iad.Freeze(); err != nil {
		t.Fatal(err)
	}
	s.mustNotAnswer()
	if err := apiAnswers(t, iad); err == nil {
		t.Error("the frozen API server answers")
	}
	if err := iad.Thaw(); err != nil {
		t.Fatal(err)
	}
	s.opens()
}

func TestTheDataPathOutlivesAFrozenAPIServer(t *testing.T) {
	f := sharedFleet(t)
	iad := f.Members["iad"]
	s := newShop(t, iad, "shop:1")
	s.opens()
	if err := iad.Freeze(APIServer); err != nil {
		t.Fatal(err)
	}
	if err := apiAnswers(t, iad); err == nil {
		t.Error("the frozen API server answers")
	}
	s.opens()
	if err := iad.Thaw(APIServer); err != nil {
		t.Fatal(err)
	}
	eventually(t, "an answer of the API server", func(context.Context) error { return apiAnswers(t, iad) })
}

func TestCutAPIKeepsTheDataPathAndTheReverse(t *testing.T) {
	f := sharedFleet(t)
	iad := f.Members["iad"]
	s := newShop(t, iad, "shop:1")
	s.opens()
	steps := []struct {
		name      string
		do        func() error
		api, data bool
		faults    string
	}{
		{"CutAPI", iad.CutAPI, false, true, "api cut"},
		{"RestoreAPI", iad.RestoreAPI, true, true, ""},
		{"CutData", iad.CutData, true, false, "data cut"},
		{"CutAPI too", iad.CutAPI, false, false, "api cut, data cut"},
		{"RestoreData", iad.RestoreData, false, true, "api cut"},
		{"Heal", iad.Heal, true, true, ""},
		{"Cut", iad.Cut, false, false, "cut"},
		{"Restore", iad.Restore, true, true, ""},
	}
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) {
			if err := step.do(); err != nil {
				t.Fatal(err)
			}
			if step.data {
				eventually(t, "an answer of the shop", func(ctx context.Context) error { _, err := s.visit(ctx); return err })
			} else {
				s.mustNotAnswer()
			}
			if step.api {
				eventually(t, "an answer of the API server", func(context.Context) error { return apiAnswers(t, iad) })
			} else if err := apiAnswers(t, iad); err == nil {
				t.Error("the API server answers")
			}
			if _, err := s.pods(t.Context()); err != nil {
				t.Errorf("from inside: %v", err)
			}
			if diff := cmp.Diff(step.faults, iad.Faults().String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestASlowMemberIsSlow(t *testing.T) {
	f := sharedFleet(t)
	iad := f.Members["iad"]
	s := newShop(t, iad, "shop:1")
	s.opens()
	const delay = 50 * time.Millisecond
	if err := iad.Slow(Link{Delay: delay}); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	s.mustAnswer()
	if took := time.Since(start); took < 4*delay { // two round trips
		t.Errorf("an answer took %s", took)
	}
	if err := iad.Slow(Link{}); err != nil {
		t.Fatal(err)
	}
	s.mustAnswer()
}

func TestTheHubIsKilledAlone(t *testing.T) {
	f := sharedFleet(t)
	hub := client(t, f.Hub.RESTConfig())
	marker := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{GenerateName: "marker-"}}
	marker, err := hub.CoreV1().ConfigMaps("default").Create(t.Context(), marker, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	attached, err := f.Hub.Run("attached", []string{"sleep", "600"})
	if err != nil {
		t.Fatal(err)
	}
	s := newShop(t, f.Members["fra"], "shop:1")
	s.opens()
	if err := f.Hub.Kill(); err != nil {
		t.Fatal(err)
	}
	if attached.Running() {
		t.Error("a process on the hub outlived it")
	}
	s.mustAnswer()
	if err := apiAnswers(t, f.Members["fra"]); err != nil {
		t.Errorf("a member's API server: %v", err)
	}
	if err := f.Hub.Revive(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !attached.Running() {
		t.Error("what ran on the hub was not started again")
	}
	attached.Kill()
	if _, err := hub.CoreV1().ConfigMaps("default").Get(t.Context(), marker.Name, metav1.GetOptions{}); err != nil {
		t.Errorf("what was stored before: %v", err)
	}
}
