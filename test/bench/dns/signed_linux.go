package main

import (
	"fmt"

	miekg "github.com/miekg/dns"

	"github.com/seaway-io/seaway/dns/core/dnssec"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
)

// failure makes an error of what would fail a test.
type failure struct{ err error }

func (*failure) Helper() {}

func (f *failure) Fatalf(format string, args ...any) { f.err = fmt.Errorf(format, args...) }

// rings are new keys for zones: ECDSA P-256, one each.
func rings(domains []string) (map[string]*dnssec.Ring, error) {
	out := make(map[string]*dnssec.Ring, len(domains))
	for _, d := range domains {
		f := &failure{}
		data := zonetest.KeyData(f, d, dnssec.Kind{Role: dnssec.CSK, Algorithm: miekg.ECDSAP256SHA256})
		if f.err != nil {
			return nil, f.err
		}
		ring, err := dnssec.ParseRing(data)
		if err != nil {
			return nil, err
		}
		out[d] = ring
	}
	return out, nil
}

// signedZones measures our server with all zones signed: who validates, and who does not. The others are
// asked beside it in the same rounds, so that the ratio is one of the same moments.
func signedZones(o *options) error {
	start := func(more ...string) (*process, error) {
		p, err := startSelf("ours", o.world, more...)
		if err == nil {
			err = p.wait(o.set("plain"))
		}
		return p, err
	}
	unsigned, err := start()
	if unsigned != nil {
		defer unsigned.stop()
	}
	if err != nil {
		return err
	}
	signed, err := start("-signed")
	if signed != nil {
		defer signed.stop()
	}
	if err != nil {
		return err
	}
	plain, do := o.set("plain"), o.set("signed")
	mallocs, answered := 0, 0
	for range o.rounds {
		if _, err := round(unsigned, "unsigned zones", plain, o.duration); err != nil {
			return err
		}
		before := signed.mallocs()
		for _, s := range []set{plain, do} {
			r, err := round(signed, "signed zones", s, o.duration)
			if err != nil {
				return err
			}
			answered += r.answered
		}
		mallocs += signed.mallocs() - before
	}
	fmt.Printf("\nsigned zones (ECDSA P-256, one key each)\n%-16s %-9s %22s\n", "server", "set", "answers/CPU-s")
	for _, name := range []string{"unsigned zones plain", "signed zones plain", "signed zones signed"} {
		f := measured[name]
		fmt.Printf("%-26s %12.0f (%7.0f)\n", name, best(f.perCPU), median(f.perCPU))
	}
	more := signed.memory() - unsigned.memory()
	fmt.Printf("memory: %.1f MB unsigned, %.1f MB signed: signatures of 100,000 names take %.1f MB; allocations per query %.4f\n",
		unsigned.memory(), signed.memory(), more*100_000/float64(o.names), float64(mallocs)/float64(max(answered, 1)))
	return nil
}

func signedRatio() {
	plain, signed := measured["unsigned zones plain"], measured["signed zones signed"]
	fmt.Printf("\ndns signed answers-per-cpu-second %.0f\n", best(signed.perCPU))
	fmt.Printf("dns signed ratio-to-plain %.2f\n", best(signed.perCPU)/best(plain.perCPU))
}
