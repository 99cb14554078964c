//go:build linux

package fleet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/seaway-io/seaway/test/fleet/netspace"
)

// Faults is what is wrong with a host's network. The zero value is a healthy one. Processes that are
// killed or frozen are not part of it.
type Faults struct {
	// Cut: the cable is unplugged.
	Cut bool
	// API: nobody outside reaches the cluster's API server, and nothing inside reaches another's.
	API bool
	// Data: the cluster's gateway, pod and Service addresses are unreachable from outside.
	Data bool
	// Link is how slow and lossy the cable is.
	Link Link
}

// String names the faults, "" if there is none.
func (f Faults) String() string {
	var names []string
	for _, fault := range []struct {
		there bool
		name  string
	}{
		{f.Cut, "cut"}, {f.API, "api cut"}, {f.Data, "data cut"},
		{f.Link != Link{}, fmt.Sprintf("slow (delay %s, %d bytes/s, loss %g)", f.Link.Delay, f.Link.Rate, f.Link.Loss)},
	} {
		if fault.there {
			names = append(names, fault.name)
		}
	}
	return strings.Join(names, ", ")
}

// Kill ends the named processes of the host with SIGKILL, all if no name is given. It returns when they
// are gone. The host keeps its addresses, so that connections are refused.
func (h *Host) Kill(names ...string) error {
	chosen, err := h.chosen(names)
	if err != nil {
		return err
	}
	chosen = slices.DeleteFunc(chosen, func(p *Process) bool { return !p.Running() })
	for _, p := range chosen {
		p.Kill()
	}
	for _, p := range chosen {
		<-p.Done()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.killed = append(h.killed, chosen...)
	return nil
}

// Revive thaws what is frozen and starts again what Kill has ended. For a cluster see Cluster.Revive.
func (h *Host) Revive(context.Context) error {
	if err := h.Thaw(); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	var errs []error
	for _, p := range h.killed {
		if !p.Running() && slices.Contains(h.processes, p) {
			errs = append(errs, p.Restart())
		}
	}
	h.killed = nil
	return errors.Join(errs...)
}

// Freeze stops the named processes with SIGSTOP, all if no name is given. The kernel still accepts
// connections for them, which then hang.
func (h *Host) Freeze(names ...string) error {
	chosen, err := h.chosen(names)
	for _, p := range chosen {
		p.Freeze()
	}
	return err
}

// Thaw lets the named processes go on, all if no name is given.
func (h *Host) Thaw(names ...string) error {
	chosen, err := h.chosen(names)
	for _, p := range chosen {
		p.Thaw()
	}
	return err
}

// Cut unplugs the host's cable. What runs on it still reaches itself and, in a cluster, its store.
func (h *Host) Cut() error { return h.change(func(f *Faults) { f.Cut = true }) }

// Restore plugs the cable in again.
func (h *Host) Restore() error { return h.change(func(f *Faults) { f.Cut = false }) }

// Slow makes the cable slow or lossy; the zero Link makes it perfect again.
func (h *Host) Slow(link Link) error { return h.change(func(f *Faults) { f.Link = link }) }

// Heal undoes all faults of the network.
func (h *Host) Heal() error { return h.change(func(f *Faults) { *f = Faults{} }) }

// Faults returns what is wrong with the network.
func (h *Host) Faults() Faults {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.faults
}

// CutAPI drops all traffic to the cluster's API server from outside, and from the cluster to any other
// API server. The data path is not touched, and processes inside the cluster notice nothing of it.
func (c *Cluster) CutAPI() error { return c.change(func(f *Faults) { f.API = true }) }

// RestoreAPI undoes CutAPI.
func (c *Cluster) RestoreAPI() error { return c.change(func(f *Faults) { f.API = false }) }

// CutData drops all traffic from outside to the cluster's gateway, pod and Service addresses. The API
// server is not touched.
func (c *Cluster) CutData() error { return c.change(func(f *Faults) { f.Data = true }) }

// RestoreData undoes CutData.
func (c *Cluster) RestoreData() error { return c.change(func(f *Faults) { f.Data = false }) }

// change brings the network from the faults it has to others. The faults are recorded one by one as
// they take effect, so that after an error they tell the truth.
func (h *Host) change(to func(*Faults)) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	want := h.faults
	to(&want)
	if want.Link != h.faults.Link {
		if err := h.cable.SetLink(h.port, want.Link); err != nil {
			return err
		}
		h.faults.Link = want.Link
	}
	if want.API != h.faults.API || want.Data != h.faults.Data {
		if err := h.namespace.Filter(h.filter(want)...); err != nil {
			return err
		}
		h.faults.API, h.faults.Data = want.API, want.Data
	}
	if want.Cut != h.faults.Cut {
		if err := h.cable.SetPort(h.port, !want.Cut); err != nil {
			return err
		}
		h.faults.Cut = want.Cut
	}
	return nil
}

// drops translates faults into what the cluster's namespace filters.
func (c *Cluster) drops(f Faults) []netspace.Drop {
	var drops []netspace.Drop
	if f.API {
		drops = append(drops, netspace.Drop{Port: APIPort}, netspace.Drop{Out: true, Port: APIPort})
	}
	if f.Data {
		for _, r := range c.plan.DataRanges() {
			drops = append(drops, netspace.Drop{First: r.First, Last: r.Last})
		}
	}
	return drops
}
