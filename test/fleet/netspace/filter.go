//go:build linux

package netspace

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// Drop describes packets that vanish on their way through a namespace's uplink. Traffic within the
// namespace is never touched. A field left zero matches everything.
type Drop struct {
	// Out chooses the direction: false for what arrives, true for what leaves.
	Out bool
	// Port is a TCP destination port.
	Port uint16
	// First and Last bound the destination address.
	First, Last netip.Addr
}

const filterTable = "fleet"

// Filter replaces the namespace's filter: from now on exactly the described packets are dropped. The
// change is atomic. Connections that are open hang, as they would with a broken cable.
func (n *Namespace) Filter(drops ...Drop) error {
	err := n.Do(func() error {
		conn, err := nftables.New()
		if err != nil {
			return err
		}
		// Adding a table that exists changes nothing, so that add, delete, add replaces it in any case.
		table := conn.AddTable(&nftables.Table{Name: filterTable, Family: nftables.TableFamilyIPv4})
		conn.DelTable(table)
		conn.AddTable(table)
		input := conn.AddChain(chain(table, "input", nftables.ChainHookInput))
		output := conn.AddChain(chain(table, "output", nftables.ChainHookOutput))
		for _, drop := range drops {
			in := input
			if drop.Out {
				in = output
			}
			conn.AddRule(&nftables.Rule{Table: table, Chain: in, Exprs: drop.expressions()})
		}
		return conn.Flush()
	})
	if err != nil {
		return fmt.Errorf("network namespace %s: packet filter (nftables): %w", n.name, err)
	}
	return nil
}

func chain(table *nftables.Table, name string, hook *nftables.ChainHook) *nftables.Chain {
	return &nftables.Chain{Name: name, Table: table, Hooknum: hook, Type: nftables.ChainTypeFilter, Priority: nftables.ChainPriorityFilter}
}

// expressions builds the rule. Offsets are those of the IPv4 and TCP headers.
func (d Drop) expressions() []expr.Any {
	key := expr.MetaKeyIIFNAME
	if d.Out {
		key = expr.MetaKeyOIFNAME
	}
	name := make([]byte, unix.IFNAMSIZ)
	copy(name, Uplink)
	exprs := []expr.Any{
		&expr.Meta{Key: key, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: name},
	}
	if d.First.IsValid() {
		exprs = append(exprs,
			&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 16, Len: 4},
			&expr.Range{Op: expr.CmpOpEq, Register: 1, FromData: d.First.AsSlice(), ToData: d.Last.AsSlice()})
	}
	if d.Port != 0 {
		exprs = append(exprs,
			&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{unix.IPPROTO_TCP}},
			&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binary.BigEndian.AppendUint16(nil, d.Port)})
	}
	return append(exprs, &expr.Verdict{Kind: expr.VerdictDrop})
}
