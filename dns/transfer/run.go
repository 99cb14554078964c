package transfer

import (
	"context"
	"maps"
	"time"

	"github.com/seaway-io/seaway/dns/core/transfer"
)

const (
	// settle is how long changes are gathered before copies are told of them.
	settle = 500 * time.Millisecond
	// calm is how long a zone keeps a serial that was given for verdicts, at least: copies of a host
	// that goes up and down all the time follow at this pace.
	calm = 10 * time.Second
)

// Changed says that what is served may have changed. It does not block.
func (h *Handler) Changed() {
	select {
	case h.dirty <- struct{}{}:
	default:
	}
}

// Run keeps serials in step with the answers that copies hold, and notifies of new ones, until the
// context ends.
func (h *Handler) Run(ctx context.Context) {
	defer h.notifier.close()
	var given time.Time // when the last serials were given for verdicts
	var later <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.dirty:
		case <-later:
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(settle):
		}
		later = nil
		if !given.IsZero() && time.Since(given) < calm {
			later = time.After(calm - time.Since(given))
		} else if h.renumber() {
			given = time.Now()
		}
		h.announce(ctx)
	}
}

// renumber gives zones another serial where copies of them are not what they would be now, and reports
// whether there were any.
func (h *Handler) renumber() bool {
	s := h.options.Snapshot()
	zones, _ := h.served(s)
	global := transfer.Global(s, zones)
	h.mu.Lock()
	same := maps.Equal(global, h.global)
	h.global = global
	h.mu.Unlock()
	if !same {
		h.options.SetGlobal(global)
	}
	return !same
}

// announce notifies of serials that are new.
func (h *Handler) announce(ctx context.Context) {
	s := h.options.Snapshot()
	zones, objects := h.served(s)
	h.catchUp(s, zones)
	told := map[string]bool{}
	for _, z := range zones {
		told[z.Domain] = true
		h.notifier.tell(ctx, z.Domain, h.current(z.Domain), objects[z].Spec.Transfers.Notify)
	}
	h.mu.Lock()
	maps.DeleteFunc(h.histories, func(domain string, _ *transfer.History) bool { return !told[domain] })
	h.mu.Unlock()
	h.notifier.forget(told)
}

func (h *Handler) current(domain string) *transfer.Version {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.histories[domain].Current()
}
