package answer

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/miekg/dns"

	"github.com/seaway-io/seaway/dns/core/steer"
	"github.com/seaway-io/seaway/dns/core/wire"
)

// maxIdentity bounds texts about the server, so that answers with them stay small.
const maxIdentity = 64

// Identity is what a server says about itself.
type Identity struct {
	version, id *wire.Set
	udp, tcp    wire.Options
}

// NewIdentity makes an identity. version is the answer to version.bind, id that to id.server and the
// NSID (RFC 4892, 5001); where one is empty the question is refused. idle is how long an idle TCP
// connection is kept, which is told to those who ask (RFC 7828).
func NewIdentity(version, id string, idle time.Duration) (*Identity, error) {
	if len(version) > maxIdentity || len(id) > maxIdentity {
		return nil, fmt.Errorf("version and identifier are at most %d octets", maxIdentity)
	}
	i := &Identity{
		version: chaosText(version),
		id:      chaosText(id),
		udp:     wire.Options{NSID: []byte(id)},
	}
	i.tcp = i.udp
	i.tcp.Keepalive = uint16(min(idle/(100*time.Millisecond), 65535))
	return i, nil
}

// NSID is the server's identifier, empty if it has none.
func (i *Identity) NSID() []byte { return i.udp.NSID }

func (i *Identity) options(tcp bool) *wire.Options {
	if tcp {
		return &i.tcp
	}
	return &i.udp
}

func chaosText(text string) *wire.Set {
	if text == "" {
		return nil
	}
	d, err := wire.ParseData(dns.TypeTXT, text)
	if err != nil {
		return nil
	}
	return wire.NewChaosSet(dns.TypeTXT, []wire.Data{d})
}

// Names of the CHAOS class that servers answer about themselves.
const (
	versionBind   = "\x07version\x04bind\x00"
	versionServer = "\x07version\x06server\x00"
	hostnameBind  = "\x08hostname\x04bind\x00"
	idServer      = "\x02id\x06server\x00"
)

// chaos answers questions about the server itself.
func (w *Worker) chaos() {
	var s *wire.Set
	switch string(w.query.Name()) {
	case versionBind, versionServer:
		s = w.identity.version
	case idServer, hostnameBind:
		s = w.identity.id
	}
	if s == nil || w.query.Type != dns.TypeTXT && w.query.Type != dns.TypeANY {
		w.refuse(dns.RcodeRefused, wire.NoExtendedError)
		return
	}
	w.reply.Authoritative = true
	w.reply.Answer(s, wire.HeaderSize, wire.HeaderSize)
}

// anyAnswer stands for all records of a name: HINFO "RFC8482" "".
var anyAnswer = wire.NewSet(wire.Root, dns.TypeHINFO, 3600, []wire.Data{{Wire: []byte("\x07RFC8482\x00"), Tail: -1}})

// spread is where the addresses of an endpoint begin for a client, where not all fit into an answer.
func spread(client netip.Addr, count int) (start int, bits uint8) {
	block, bits := steer.Block(client)
	return steer.Spread(block, count), bits
}
