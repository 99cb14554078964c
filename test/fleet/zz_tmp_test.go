//go:build linux

package fleet

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

func TestTmpLatency(t *testing.T) {
	f := sharedFleet(t)
	s := newShop(t, f.Members["fra"], "shop:1")
	s.opens()
	w, err := s.client.CoreV1().Pods(s.name).Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s.client.AppsV1().Deployments(s.name).Patch(t.Context(), "shop", types.MergePatchType, []byte(`{"spec":{"replicas":40}}`), metav1.PatchOptions{})
	var worst time.Duration
	seen := map[string]bool{}
	for e := range w.ResultChan() {
		p := e.Object.(*corev1.Pod)
		ready := false
		for _, c := range p.Status.Conditions {
			ready = ready || c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
		}
		if !ready || seen[p.Name] {
			continue
		}
		seen[p.Name] = true
		st := time.Now()
		for {
			c, err := s.cluster.DialContext(t.Context(), "tcp", netip.AddrPortFrom(netip.MustParseAddr(p.Status.PodIP), 8080).String())
			if err == nil {
				c.Close()
				break
			}
		}
		worst = max(worst, time.Since(st))
		if len(seen) == 40 {
			break
		}
	}
	t.Logf("worst ready->listen %s", worst)
	s.client.AppsV1().Deployments(s.name).Patch(t.Context(), "shop", types.MergePatchType, []byte(`{"spec":{"replicas":4}}`), metav1.PatchOptions{})
}

func TestTmpNodeOutage(t *testing.T) {
	f := sharedFleet(t)
	fra := f.Members["fra"]
	s := newShop(t, fra, "shop:1")
	s.opens()
	st := time.Now()
	fra.Kill(Kwok)
	eventually(t, "unready", func(ctx context.Context) error {
		p, err := s.pods(ctx)
		if err == nil && len(p) > 0 {
			err = fmt.Errorf("%d", len(p))
		}
		return err
	})
	t.Logf("pods unready after %s", time.Since(st))
	s.mustNotAnswer()
	st = time.Now()
	if err := fra.Revive(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("revive returned after %s", time.Since(st))
	s.opens()
	t.Logf("answers after %s", time.Since(st))
}
func TestTmpLongKill(t *testing.T) {
	f := sharedFleet(t)
	fra := f.Members["fra"]
	s := newShop(t, fra, "shop:1")
	s.opens()
	fra.Kill()
	time.Sleep(50 * time.Second)
	st := time.Now()
	if err := fra.Revive(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("revive returned after %s", time.Since(st))
	s.opens()
	t.Logf("answers after %s", time.Since(st))
	if err := fra.Freeze(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Second)
	fra.Thaw()
	st = time.Now()
	s.opens()
	t.Logf("thawed answers after %s", time.Since(st))
	time.Sleep(5 * time.Second)
	s.opens()
	s.client.CoreV1().Pods(s.name).DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{})
	st = time.Now()
	s.opens()
	t.Logf("new pods after %s", time.Since(st))
}
