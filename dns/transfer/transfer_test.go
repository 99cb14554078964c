package transfer

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/transfer"
	"github.com/seaway-io/seaway/dns/core/zone"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
	"github.com/seaway-io/seaway/dns/engine"
	"github.com/seaway-io/seaway/dns/tsig"
	"github.com/seaway-io/seaway/dns/update"
)

var quietly = slog.New(slog.NewTextHandler(io.Discard, nil))

func none(context.Context, trafficv1alpha1.SecretKeyRef) ([]byte, error) {
	return nil, errors.New("no secret")
}

func TestQuota(t *testing.T) {
	q := newQuota(3, 2)
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	first, ok := q.take(a)
	if _, second := q.take(a); !ok || !second {
		t.Fatal("two places for one client")
	}
	if _, ok := q.take(a); ok {
		t.Error("a third for the same")
	}
	if _, ok := q.take(b); !ok {
		t.Error("another client")
	}
	if _, ok := q.take(netip.MustParseAddr("198.51.100.1")); ok {
		t.Error("more than altogether")
	}
	first()
	if _, ok := q.take(netip.MustParseAddr("2001:db8::2")); !ok {
		t.Error("a place that was given back")
	}
	if _, ok := q.take(a); ok {
		t.Error("more than altogether")
	}
}

// told is what a notifier sent.
type told struct {
	mu     sync.Mutex
	times  []time.Duration
	serial []uint32
	began  time.Time
}

func (o *told) send(fail int, rcode int) func(context.Context, *dns.Msg, string, string) (int, error) {
	o.began = time.Now()
	return func(_ context.Context, m *dns.Msg, _, _ string) (int, error) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.times = append(o.times, time.Since(o.began))
		o.serial = append(o.serial, m.Answer[0].(*dns.SOA).Serial)
		if len(o.times) <= fail {
			return 0, errors.New("no answer")
		}
		return rcode, nil
	}
}

func versions(t *testing.T) (a, b *transfer.Version) {
	in := zonetest.Input(t, zonetest.Demo)
	s := zone.Compile(in)
	in.Now = in.Now.Add(time.Hour)
	later := zone.Compile(in)
	return transfer.Contents(s, s.Zones)[s.Zones[0]], transfer.Contents(later, later.Zones)[later.Zones[0]]
}

func TestNotificationsAreRepeated(t *testing.T) {
	for name, c := range map[string]struct{ fail, rcode, want int }{
		"heard at once":      {0, dns.RcodeSuccess, 1},
		"heard at last":      {3, dns.RcodeSuccess, 4},
		"never heard":        {100, dns.RcodeSuccess, tries},
		"heard, and refused": {1, dns.RcodeRefused, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := &told{}
				n := newNotifier(tsig.NewRing(none), quietly)
				n.send = o.send(c.fail, c.rcode)
				v, _ := versions(t)
				servers := []trafficv1alpha1.TransferServer{{Address: "192.0.2.1"}}
				n.tell(t.Context(), "apps.example.com", v, servers)
				n.tell(t.Context(), "apps.example.com", v, servers) // once is enough
				n.close()
				if len(o.times) != c.want {
					t.Fatalf("%v, want %d", o.times, c.want)
				}
				for i := 1; i < len(o.times); i++ {
					if pause := o.times[i] - o.times[i-1]; pause < retryAfter<<(i-1) || pause > retryAfter<<(i-1)*5/4 {
						t.Errorf("%v after the one before", pause)
					}
				}
			})
		})
	}
}

func TestANewerSerialTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &told{}
		n := newNotifier(tsig.NewRing(none), quietly)
		n.send = o.send(100, 0)
		a, b := versions(t)
		servers := []trafficv1alpha1.TransferServer{{Address: "192.0.2.1"}}
		n.tell(t.Context(), "apps.example.com", a, servers)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		before := len(o.serial)
		n.tell(t.Context(), "apps.example.com", b, servers)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		for _, s := range o.serial[before:] {
			if s != b.Serial() {
				t.Errorf("told of %d after %d", s, b.Serial())
			}
		}
		n.tell(t.Context(), "apps.example.com", b, nil) // nobody is to be told any more
		heard := len(o.serial)
		n.close()
		if len(o.serial) != heard {
			t.Error("told although it is not to be")
		}
	})
}

// Flips of a host name give a serial at once, and then at a pace that copies can follow.
func TestSerialsForVerdictsAreCalm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := zonetest.Input(t, zonetest.Demo)
		in.Zones[0].Spec.Transfers = &trafficv1alpha1.Transfers{}
		s := zone.Compile(in)
		var given []time.Time
		var mu sync.Mutex
		h := New(Options{
			Objects: func() engine.Objects { return engine.Objects{Zones: in.Zones} }, Snapshot: func() *zone.Snapshot { return s },
			SetGlobal: func(map[string]string) {
				mu.Lock()
				defer mu.Unlock()
				given = append(given, time.Now())
			},
			Keys: tsig.NewRing(none), Log: quietly,
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			h.Run(ctx)
		}()
		verdict := trafficv1alpha1.VerdictHealthy
		for range 120 {
			if verdict = trafficv1alpha1.VerdictUnhealthy; len(given)%2 == 0 {
				verdict = trafficv1alpha1.VerdictHealthy
			}
			for _, p := range s.Plans {
				p.Update(func(cluster string) trafficv1alpha1.Verdict {
					if cluster == "sin" {
						return verdict
					}
					return trafficv1alpha1.VerdictHealthy
				})
			}
			h.Changed()
			time.Sleep(time.Second)
			synctest.Wait()
		}
		cancel()
		<-done
		if len(given) < 2 || len(given) > 13 {
			t.Errorf("%d serials in two minutes", len(given))
		}
		for i := 1; i < len(given); i++ {
			if pause := given[i].Sub(given[i-1]); pause < calm {
				t.Errorf("%v after the one before", pause)
			}
		}
	})
}

func FuzzHandle(f *testing.F) {
	in := zonetest.Input(f, zonetest.Demo)
	in.Zones[0].Spec.Transfers = &trafficv1alpha1.Transfers{Allow: []trafficv1alpha1.TransferClient{{Networks: []string{"0.0.0.0/0"}}, {Key: &trafficv1alpha1.TSIGKey{Name: "xfr"}}}}
	s := zone.Compile(in)
	h := New(Options{
		Objects: func() engine.Objects { return engine.Objects{Zones: in.Zones} }, Snapshot: func() *zone.Snapshot { return s },
		Answer: func(msg []byte, _ netip.Addr) []byte { return head(msg, 0) },
		Keys: tsig.NewRing(func(context.Context, trafficv1alpha1.SecretKeyRef) ([]byte, error) {
			return []byte("c2Vhd2F5LXRlc3Qta2V5LW9uZS1zZWF3YXk="), nil
		}),
		Log: quietly,
	})
	for _, m := range []*dns.Msg{new(dns.Msg).SetAxfr("apps.example.com."), new(dns.Msg).SetIxfr("apps.example.com.", 1, ".", "."), new(dns.Msg).SetNotify("apps.example.com.")} {
		b, _ := m.Pack()
		f.Add(b, true)
		m.SetTsig("xfr.", dns.HmacSHA256, 300, time.Now().Unix())
		b, _, _ = dns.TsigGenerate(m, "c2Vhd2F5LXRlc3Qta2V5LW9uZS1zZWF3YXk=", "", false)
		f.Add(b, false)
	}
	f.Fuzz(func(t *testing.T, msg []byte, stream bool) {
		if len(msg) < 12 || msg[2]&0x80 != 0 || update.Is(msg) {
			return // never gets here
		}
		sent := 0
		err := h.handle(t.Context(), msg, netip.MustParseAddr("192.0.2.1"), stream, func(b []byte) error {
			sent++
			if len(b) < 12 || b[0] != msg[0] || b[1] != msg[1] || b[2]&0x80 == 0 || !stream && len(b) > 1400 {
				t.Fatalf("no answer: %x", b)
			}
			return nil
		})
		if sent == 0 && err == nil {
			t.Fatal("no answer")
		}
	})
}
