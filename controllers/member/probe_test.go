package member

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
)

func status(code int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		_, _ = w.Write([]byte(text))
	}
}

// abort drops the connection.
func abort(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func TestProbe(t *testing.T) {
	cases := map[string]struct {
		options Options
		stub    func(*stub)
		cluster func(*clusterv1alpha1.Cluster, *corev1.Secret)
		want    Health
	}{
		"ready": {want: Health{Reachable: true, Ready: true}},
		"an old server without readyz": {
			stub: func(s *stub) { s.handle("/readyz", nil); s.handle("/healthz", status(200, "ok")) },
			want: Health{Reachable: true, Ready: true},
		},
		"some other web server": {
			stub: func(s *stub) { s.handle("/readyz", nil) },
			want: Health{Reachable: true, Message: "serves neither /readyz nor /healthz; is spec.apiEndpoint a Kubernetes API server?"},
		},
		"a failing check": {
			stub: func(s *stub) {
				s.handle("/readyz", status(500, "[+]ping ok\n[-]etcd failed: reason withheld\n[-]boot failed\nreadyz check failed\n"))
			},
			want: Health{Reachable: true, Message: "/readyz answers 500: failing: boot, etcd"},
		},
		"overloaded": {
			stub: func(s *stub) { s.handle("/readyz", status(429, "later")) },
			want: Health{Reachable: true, Message: "/readyz answers 429"},
		},
		"a token that is not accepted": {
			cluster: func(_ *clusterv1alpha1.Cluster, s *corev1.Secret) { s.Data[names.SecretKeyToken] = []byte("old") },
			want:    Health{Reachable: true, Message: "/readyz answers 401: the credentials are not accepted; join the cluster again"},
		},
		"hanging": {
			options: short,
			stub:    func(s *stub) { s.handle("/readyz", hang) },
			want:    Health{Message: "HOST does not answer within 100ms"},
		},
		"gone": {
			stub: func(s *stub) { s.Close() },
			want: Health{Message: "HOST refuses connections"},
		},
		"a certificate nobody vouches for": {
			cluster: func(_ *clusterv1alpha1.Cluster, s *corev1.Secret) { delete(s.Data, names.SecretKeyCABundle) },
			want:    Health{Message: "HOST presents a certificate of an unknown authority; check caBundle in the cluster's Secret"},
		},
		"a certificate nobody vouches for, and nobody minds": {
			cluster: func(c *clusterv1alpha1.Cluster, s *corev1.Secret) {
				delete(s.Data, names.SecretKeyCABundle)
				c.Spec.InsecureSkipTLSVerification = true
			},
			want: Health{Reachable: true, Ready: true},
		},
		"a proxy that is gone": {
			cluster: func(c *clusterv1alpha1.Cluster, _ *corev1.Secret) { c.Spec.ProxyURL = "http://127.0.0.1:1" },
			want:    Health{Message: "HOST refuses connections"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := newStub(t)
			cluster, secret := joined("fra", s)
			if tc.cluster != nil {
				tc.cluster(cluster, secret)
			}
			if tc.stub != nil {
				tc.stub(s)
			}
			pool := NewPool(tc.options)
			defer pool.Close()
			if err := pool.Set(cluster, secret); err != nil {
				t.Fatal(err)
			}
			m, err := pool.Member("fra")
			if err != nil {
				t.Fatal(err)
			}
			tc.want.Message = strings.ReplaceAll(tc.want.Message, "HOST", s.Listener.Addr().String())
			if diff := cmp.Diff(tc.want, m.Probe(t.Context())); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestProxyHeadersReachTheProxy(t *testing.T) {
	got := make(chan http.Header, 1)
	proxy := newStub(t)
	proxy.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodConnect {
			got <- r.Header
		}
		w.WriteHeader(http.StatusForbidden)
	})
	s := newStub(t)
	cluster, secret := joined("fra", s)
	cluster.Spec.ProxyURL = "http://" + plainProxy(t, proxy.Config.Handler)
	cluster.Spec.ProxyHeader = map[string]string{"X-Tenant": "a, b"}
	pool := NewPool(Options{})
	defer pool.Close()
	if err := pool.Set(cluster, secret); err != nil {
		t.Fatal(err)
	}
	m, _ := pool.Member("fra")
	if health := m.Probe(t.Context()); health.Reachable {
		t.Error("a refusal of the proxy was taken for an answer of the member")
	}
	header := receive(t, got, "CONNECT")
	if diff := cmp.Diff([]string{"a", "b"}, header.Values("X-Tenant")); diff != "" {
		t.Error(diff)
	}
	if header.Get("Authorization") != "" {
		t.Error("the proxy was given the member's token")
	}
}

func TestAHangingMemberDoesNotDelayAnother(t *testing.T) {
	sick, well := newStub(t), newStub(t)
	hung := make(chan struct{}, 1)
	sick.handle("/readyz", func(w http.ResponseWriter, r *http.Request) {
		hung <- struct{}{}
		hang(w, r)
	})
	pool, m := connected(t, sick, Options{})
	if err := pool.Set(joined("iad", well)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan Health, 1)
	go func() { ended <- m.Probe(ctx) }()
	receive(t, hung, "the hanging probe")
	other, err := pool.Member("iad")
	if err != nil {
		t.Fatal(err)
	}
	if health := other.Probe(t.Context()); !health.Ready {
		t.Errorf("the other member is not ready: %+v", health)
	}
	cancel()
	if health := receive(t, ended, "the cancelled probe"); health.Reachable {
		t.Error("a cancelled probe says reachable")
	}
}

func TestProbesTellOfLossAndReturn(t *testing.T) {
	s := newStub(t)
	pool, m := connected(t, s, Options{})
	heard := make(chan string, 10)
	pool.Subscribe(func(name string) { heard <- name })
	receive(t, heard, "the present cluster")

	m.Probe(t.Context())
	s.handle("/readyz", abort)
	m.Probe(t.Context())
	receive(t, heard, "the loss")
	m.Probe(t.Context())
	s.handle("/readyz", status(200, "ok"))
	m.Probe(t.Context())
	receive(t, heard, "the return")
	m.Probe(t.Context())
	if len(heard) != 0 {
		t.Error("heard of a change where there was none")
	}
}
