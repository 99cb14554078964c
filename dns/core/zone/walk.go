package zone

import "github.com/seaway-io/seaway/dns/core/wire"

// Each calls a function for every name that exists, in no order.
func (s *Snapshot) Each(do func(name wire.Name, n *Node)) {
	s.names.all(func(n *Node) { do(n.Name, n) })
}
