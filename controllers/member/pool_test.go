package member

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
)

func TestSetConnectsAnewOnlyWhenItMatters(t *testing.T) {
	cases := map[string]struct {
		change   func(*clusterv1alpha1.Cluster, *corev1.Secret)
		replaced bool
	}{
		"nothing changed": {change: func(*clusterv1alpha1.Cluster, *corev1.Secret) {}},
		"labels and taints changed": {change: func(c *clusterv1alpha1.Cluster, _ *corev1.Secret) {
			c.Labels = map[string]string{"a": "b"}
			c.Spec.Taints = []corev1.Taint{{Key: "x", Effect: corev1.TaintEffectNoSchedule}}
		}},
		"another token": {replaced: true, change: func(_ *clusterv1alpha1.Cluster, s *corev1.Secret) {
			s.Data[names.SecretKeyToken] = []byte("rotated")
		}},
		"another endpoint": {replaced: true, change: func(c *clusterv1alpha1.Cluster, _ *corev1.Secret) {
			c.Spec.APIEndpoint += "/prefix"
		}},
		"no CA bundle": {replaced: true, change: func(_ *clusterv1alpha1.Cluster, s *corev1.Secret) {
			delete(s.Data, names.SecretKeyCABundle)
		}},
		"a proxy": {replaced: true, change: func(c *clusterv1alpha1.Cluster, _ *corev1.Secret) {
			c.Spec.ProxyURL = "socks5://127.0.0.1:1"
		}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := newStub(t)
			pool, before := connected(t, s, Options{})
			cluster, secret := joined("fra", s)
			tc.change(cluster, secret)
			if err := pool.Set(cluster, secret); err != nil {
				t.Fatal(err)
			}
			after, err := pool.Member("fra")
			if err != nil {
				t.Fatal(err)
			}
			closed := false
			select {
			case <-before.Done():
				closed = true
			default:
			}
			if (before != after) != tc.replaced || closed != tc.replaced {
				t.Errorf("replaced: %t, old one done: %t; want both %t", before != after, closed, tc.replaced)
			}
		})
	}
}

func TestSetRefusesWhatCannotWork(t *testing.T) {
	cases := map[string]struct {
		change func(*clusterv1alpha1.Cluster, *corev1.Secret)
		want   string
	}{
		"no endpoint": {
			change: func(c *clusterv1alpha1.Cluster, _ *corev1.Secret) { c.Spec.APIEndpoint = "" },
			want:   `cluster "fra": spec.apiEndpoint: is empty`,
		},
		"a host without a scheme": {
			change: func(c *clusterv1alpha1.Cluster, _ *corev1.Secret) { c.Spec.APIEndpoint = "10.0.0.1:6443" },
			want:   `cluster "fra": spec.apiEndpoint: is not a URL`,
		},
		"a password in the endpoint": {
			change: func(c *clusterv1alpha1.Cluster, _ *corev1.Secret) {
				c.Spec.APIEndpoint = "https://a:" + testToken + "@h"
			},
			want: `cluster "fra": spec.apiEndpoint: must hold neither user, query nor fragment`,
		},
		"a proxy of an unknown scheme": {
			change: func(c *clusterv1alpha1.Cluster, _ *corev1.Secret) { c.Spec.ProxyURL = "ftp://u:" + testToken + "@h" },
			want:   `cluster "fra": spec.proxyURL: must be a URL with a host and one of the schemes http, https, socks5`,
		},
		"no reference to a Secret": {
			change: func(c *clusterv1alpha1.Cluster, _ *corev1.Secret) { c.Spec.SecretRef = nil },
			want:   `cluster "fra": spec.secretRef: names no Secret with credentials; join the cluster again or set it`,
		},
		"a Secret without a token": {
			change: func(_ *clusterv1alpha1.Cluster, s *corev1.Secret) { delete(s.Data, names.SecretKeyToken) },
			want:   `cluster "fra": spec.secretRef: Secret karmada-cluster/fra has no key "token"`,
		},
		"a token with a line break inside": {
			change: func(_ *clusterv1alpha1.Cluster, s *corev1.Secret) {
				s.Data[names.SecretKeyToken] = []byte(testToken + "\nx: y")
			},
			want: `cluster "fra": spec.secretRef: Secret karmada-cluster/fra: the value of "token" is not a token`,
		},
		"a CA bundle that is none": {
			change: func(_ *clusterv1alpha1.Cluster, s *corev1.Secret) {
				s.Data[names.SecretKeyCABundle] = []byte("garbage")
			},
			want: `cluster "fra": spec.secretRef: Secret karmada-cluster/fra: the value of "caBundle" holds no PEM certificate`,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := newStub(t)
			pool, before := connected(t, s, Options{})
			cluster, secret := joined("fra", s)
			tc.change(cluster, secret)
			err := pool.Set(cluster, secret)
			if err == nil || err.Error() != tc.want {
				t.Errorf("error %v, want %s", err, tc.want)
			}
			if after, _ := pool.Member("fra"); after != before {
				t.Error("the present connection was touched")
			}
		})
	}
}

func TestMemberOfAnUnknownCluster(t *testing.T) {
	pool := NewPool(Options{})
	_, err := pool.Member("nowhere")
	if !errors.Is(err, ErrNotConnected) || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("error %v, want ErrNotConnected with the name", err)
	}
	pool.Remove("nowhere")
}

func TestSubscribersHearOfEachChange(t *testing.T) {
	s := newStub(t)
	pool, _ := connected(t, s, Options{})
	heard := make(chan string, 10)
	pool.Subscribe(func(name string) {
		// Calling back into the pool must not deadlock.
		heard <- fmt.Sprint(name, slices.Contains(pool.Names(), name))
	})
	expect := func(want, why string) {
		t.Helper()
		if got := receive(t, heard, why); got != want {
			t.Errorf("%s: heard %s, want %s", why, got, want)
		}
	}
	expect("fratrue", "present cluster")

	if err := pool.Set(joined("iad", s)); err != nil {
		t.Fatal(err)
	}
	expect("iadtrue", "connected")

	cluster, secret := joined("iad", s)
	secret.Data[names.SecretKeyToken] = []byte("rotated")
	if err := pool.Set(cluster, secret); err != nil {
		t.Fatal(err)
	}
	expect("iadtrue", "replaced")
	if diff := cmp.Diff([]string{"fra", "iad"}, pool.Names()); diff != "" {
		t.Error(diff)
	}

	pool.Remove("iad")
	expect("iadfalse", "removed")
}

func TestASlowSubscriberHoldsUpNobody(t *testing.T) {
	s := newStub(t)
	pool, _ := connected(t, s, Options{})
	block, heard := make(chan struct{}), make(chan string, 10)
	defer close(block)
	pool.Subscribe(func(string) { <-block })
	pool.Subscribe(func(name string) { heard <- name })
	receive(t, heard, "the present cluster")
	pool.Remove("fra")
	receive(t, heard, "the removal")
}

func TestPrintingShowsNoToken(t *testing.T) {
	s := newStub(t)
	pool, m := connected(t, s, Options{})
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		for _, v := range []any{m, pool} {
			if text := fmt.Sprintf(format, v); strings.Contains(text, testToken) {
				t.Errorf("%s of %T shows the token: %s", format, v, text)
			}
		}
	}
}
