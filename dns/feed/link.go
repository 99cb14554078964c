package feed

import (
	"context"
	"net/http"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"
)

const (
	pingEvery   = time.Second
	pingTimeout = time.Second
	// silentAfter is how long the hub may be out of reach before the reports of other vantage points
	// count as silent.
	silentAfter = 3 * time.Second
	// linkTick is how finely that is measured.
	linkTick = 250 * time.Millisecond
)

// link says whether reports of other vantage points come through. A broken connection may look like
// one on which nothing happens, so the hub is asked every second.
type link struct {
	client rest.Interface
	// changed is told when the link is lost and when it is there again.
	changed func(up bool)
	// renew ends requests that may hang. It is called when the hub is lost, and again when it has
	// returned.
	renew func()

	mu       sync.Mutex
	ping     time.Time // when the hub last answered
	watching bool      // reports are being watched
	watched  time.Time // when they last were
}

func newLink(c rest.Interface) *link { return &link{client: c} }

// setWatching says whether the watch of reports is open.
func (l *link) setWatching(open bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.watching = open
	if open {
		l.watched = time.Now()
	}
}

// up reports whether the hub was in reach within the last moments.
func (l *link) up(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.watching {
		l.watched = now
	}
	return now.Sub(l.ping) <= silentAfter && now.Sub(l.watched) <= silentAfter
}

// pings reports whether the hub has answered within the last moments.
func (l *link) pings(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return now.Sub(l.ping) <= silentAfter
}

// run measures until the context ends.
func (l *link) run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { l.pingAll(ctx) })
	tick := time.NewTicker(linkTick)
	defer tick.Stop()
	up, pinged, first := false, false, true
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			if pings := l.pings(now); pings != pinged {
				if pinged = pings; !first {
					l.renew()
				}
				first = false
			}
			if u := l.up(now); u != up {
				up = u
				l.changed(up)
			}
		}
	}
}

func (l *link) pingAll(ctx context.Context) {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for {
		if l.answers(ctx) {
			l.mu.Lock()
			l.ping = time.Now()
			l.mu.Unlock()
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// answers reports whether the hub is there and well. One that refuses to say is there, and whether
// it is well is for its watches to show.
func (l *link) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	err := l.client.Get().AbsPath("/readyz").Do(ctx).Error()
	status, ok := err.(apierrors.APIStatus)
	return err == nil || ok && status.Status().Code >= http.StatusBadRequest && status.Status().Code < http.StatusInternalServerError
}
