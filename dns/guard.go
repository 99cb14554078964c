package dns

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/seaway-io/seaway/dns/core/accept"
	"github.com/seaway-io/seaway/dns/core/answer"
	"github.com/seaway-io/seaway/dns/core/limit"
)

// Guard is what is done so that the server is of no use to those who forge addresses.
type Guard struct {
	// Rate is how many answers a second over UDP a network (/24, /56) gets to the same question;
	// PrefixRate how many altogether. Nothing is limited if Rate is 0.
	Rate, PrefixRate int
	// Slip: one of so many answers over the limit is a short one, the others are silence; all are
	// silence if 0.
	Slip int
	// Exempt networks are never limited.
	Exempt []string
	// Amplification is how many times the size of its query an answer over UDP may have without a
	// good cookie; any if 0.
	Amplification int
	// RequireCookie: clients that speak cookies get answers over UDP only with a good one.
	RequireCookie bool
}

// DefaultGuard is what is done if nothing else is said. This host itself is exempt: nobody far away
// can forge its loopback addresses.
func DefaultGuard() Guard {
	return Guard{Rate: 200, PrefixRate: 5000, Slip: 2, Amplification: 10, Exempt: []string{"127.0.0.0/8", "::1/128"}}
}

// accounts is how many accounts of clients there are. An account is of use for as long as it is used
// up, which for those within their limits is a few milliseconds, and for a flood a second: so many
// floods at the same time no link carries. All together they fit into a core's own cache.
const accounts = 1 << 15

// newRules makes the rules of every message's path.
func newRules(o *Options) (*accept.Rules, error) {
	identity, err := answer.NewIdentity(o.Version, o.NSID, o.TCP.WithDefaults().Idle)
	if err != nil {
		return nil, fmt.Errorf("--version-string, --nsid: %w", err)
	}
	g := &o.Guard
	for name, n := range map[string]int{"--rate-limit": g.Rate, "--rate-limit-prefix": g.PrefixRate} {
		if n < 0 || n > 1_000_000 {
			return nil, fmt.Errorf("%s: %d answers a second: use 1 to 1000000, or 0 for no limit", name, n)
		}
	}
	if g.Slip < 0 || g.Slip > 100 {
		return nil, fmt.Errorf("--rate-limit-slip: %d: use 0 to 100", g.Slip)
	}
	if g.Amplification < 0 || g.Amplification > 0 && g.Amplification < 5 {
		return nil, fmt.Errorf("--max-amplification: %d: use 5 or more, or 0 for no limit", g.Amplification)
	}
	r := &accept.Rules{Identity: identity, Slip: uint32(g.Slip), Amplification: g.Amplification, RequireCookie: g.RequireCookie}
	if r.Exempt, err = prefixes("--rate-limit-exempt", g.Exempt); err != nil {
		return nil, err
	}
	if r.Proxies, err = prefixes("--proxy-from", o.Proxies); err != nil {
		return nil, err
	}
	if g.Rate > 0 {
		r.Accounts = limit.NewTable(accounts, [2]uint64{random(), random()})
		r.Same, r.All = limit.PerSecond(g.Rate), limit.PerSecond(1_000_000)
		if g.PrefixRate > 0 {
			r.All = limit.PerSecond(g.PrefixRate)
		}
	}
	return r, nil
}

func random() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // it never fails
	return binary.NativeEndian.Uint64(b[:])
}

// prefixes reads networks and single addresses.
func prefixes(flag string, all []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, text := range all {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			a, err := netip.ParseAddr(text)
			if err != nil {
				return nil, fmt.Errorf("%s: %q is no network such as 192.0.2.0/24 or 2001:db8::/32", flag, text)
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		out = append(out, p.Masked())
	}
	return out, nil
}
