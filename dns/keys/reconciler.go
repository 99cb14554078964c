package keys

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/record"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	validation "github.com/seaway-io/seaway/api/validation/traffic"
	"github.com/seaway-io/seaway/controllers/hub"
	"github.com/seaway-io/seaway/dns/core/dnssec"
	"github.com/seaway-io/seaway/dns/parent"
)

const (
	// lookTime is how long one look at a parent may take.
	lookTime = 25 * time.Second
	// EventKeysChanged is the reason of the event on a Zone whose keys have changed.
	EventKeysChanged = "KeysChanged"
)

// Parents are asked for DS records.
type Parents interface {
	DS(ctx context.Context, domain string) (*parent.View, error)
}

// reconciler goes on with the keys of one Zone at a time.
type reconciler struct {
	client    client.Client
	clock     clock.PassiveClock
	recorder  record.EventRecorder
	parents   Parents
	namespace string
	// soon and later are how often parents are looked at: while they are waited for, and else.
	soon, later time.Duration

	mu    sync.Mutex
	looks map[types.NamespacedName]look
}

// look is the last one at a parent.
type look struct {
	view *parent.View
	err  error
	at   time.Time
	next time.Time
}

// Reconcile takes the steps that are due.
func (r *reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	zone := &trafficv1alpha1.Zone{}
	if err := r.client.Get(ctx, req.NamespacedName, zone); err != nil {
		if apierrors.IsNotFound(err) {
			r.forget(req.NamespacedName)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !zone.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	if unusable(zone) != "" {
		// What there is stays as it is, and the condition Accepted says more.
		return ctrl.Result{}, nil
	}
	ring, err := read(ctx, r.client, zone, r.namespace)
	if broken := (invalid{}); errors.As(err, &broken) {
		return r.conclude(ctx, zone, nil, dnssec.Parent{}, conclusion{reason: trafficv1alpha1.ReasonKeysUnavailable, message: broken.text})
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	if zone.Spec.DNSSEC == nil && zone.Status.DNSSEC == nil && len(ring.state.Keys) == 0 {
		return ctrl.Result{}, nil
	}
	reports, err := r.reports(ctx, zone.Spec.Domain)
	if err != nil {
		return ctrl.Result{}, err
	}
	now := r.clock.Now().UTC()
	found := r.look(ctx, req.NamespacedName, zone.Spec.Domain, now)
	seen, problem := found.match(ring)
	if why := lost(zone, ring, seen); why != "" {
		return r.conclude(ctx, zone, nil, dnssec.Parent{}, conclusion{reason: trafficv1alpha1.ReasonKeysUnavailable, message: why, again: found.next})
	}
	out, err := step(policyOf(zone.Spec.DNSSEC), ring.state, reports, seen, now, ring.make)
	if err != nil {
		return ctrl.Result{}, err
	}
	before := ring.state.Version()
	if err := ring.write(ctx, r.client, zone, r.namespace, out.state); err != nil {
		return hub.Result(ctrl.Result{}, err)
	}
	if before != out.state.Version() {
		r.recorder.Event(zone, "Normal", EventKeysChanged, describe(out.state))
	}
	c := judge(zone, out, seen, now)
	if problem != nil {
		c.message += "; the parent cannot be asked: " + problem.Error()
	}
	c.again = r.next(req.NamespacedName, out, found, now)
	return r.conclude(ctx, zone, ring, seen, c)
}

// unusable says why a Zone's keys are left as they are.
func unusable(zone *trafficv1alpha1.Zone) string {
	for _, e := range validation.ValidateZone(zone, nil) {
		if strings.HasPrefix(e.Field, "spec.dnssec") || e.Field == "spec.domain" {
			return e.Error()
		}
	}
	for _, c := range zone.Status.Conditions {
		if c.Type == trafficv1alpha1.ConditionAccepted && c.Reason == trafficv1alpha1.ReasonOverlap {
			return "the Zone is not served: " + c.Message
		}
	}
	return ""
}

// lost says that keys which the parent may vouch for are gone. New ones would not help: the zone would
// be bogus until the parent has theirs.
func lost(zone *trafficv1alpha1.Zone, ring *keyring, seen dnssec.Parent) string {
	if ring.secret != nil || zone.Status.DNSSEC == nil || len(zone.Status.DNSSEC.Keys) == 0 {
		return ""
	}
	if !seen.Checked.IsZero() && len(seen.Anywhere) == 0 && !seen.Foreign {
		return "" // nobody misses them
	}
	return fmt.Sprintf("the Secret %s with the keys is gone: restore it, or have the parent remove its DS records; then new keys are made. Name servers go on with the keys that they hold",
		SecretName(zone.Name))
}

// reports are what the name servers serve of a zone.
func (r *reconciler) reports(ctx context.Context, domain string) ([]report, error) {
	var all trafficv1alpha1.EndpointHealthList
	if err := r.client.List(ctx, &all, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list the reports of name servers: %w", err)
	}
	var out []report
	for i := range all.Items {
		h := &all.Items[i]
		for _, z := range h.Spec.Zones {
			if z.Domain == domain {
				out = append(out, report{h.Name, z.KeysVersion, time.Duration(z.MaxTTLSeconds) * time.Second, h.Spec.RenewTime.Time})
			}
		}
	}
	return out, nil
}

// look looks at the parent, unless that was done a moment ago.
func (r *reconciler) look(ctx context.Context, zone types.NamespacedName, domain string, now time.Time) look {
	r.mu.Lock()
	last, ok := r.looks[zone]
	r.mu.Unlock()
	if ok && now.Before(last.next) {
		return last
	}
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	l := look{at: now, next: now.Add(jitter(r.soon))}
	l.view, l.err = r.parents.DS(ctx, domain)
	r.mu.Lock()
	r.looks[zone] = l
	r.mu.Unlock()
	return l
}

// match compares what was found with the keys as they are now.
func (l look) match(ring *keyring) (dnssec.Parent, error) {
	if l.err != nil {
		return dnssec.Parent{}, l.err
	}
	return l.view.Match(ring.keys, l.at)
}

// next is when to go on, and puts off the next look where there is nothing to wait for.
func (r *reconciler) next(zone types.NamespacedName, out outcome, last look, now time.Time) time.Time {
	if !out.parent && last.err == nil {
		last.next = last.at.Add(jitter(r.later))
	} else {
		last.next = last.at.Add(jitter(r.soon))
	}
	r.mu.Lock()
	r.looks[zone] = last
	r.mu.Unlock()
	again := last.next
	if next := out.plan.Next; !next.IsZero() && next.Before(again) {
		again = next
	}
	if until := out.state.Until; !until.IsZero() && until.Before(again) && until.After(now) {
		again = until
	}
	return again
}

func (r *reconciler) forget(zone types.NamespacedName) {
	r.mu.Lock()
	delete(r.looks, zone)
	r.mu.Unlock()
}

// jitter spreads what many zones do.
func jitter(d time.Duration) time.Duration { return d - d/10 + rand.N(d/10) }

// conclude writes the status if it has changed.
func (r *reconciler) conclude(ctx context.Context, zone *trafficv1alpha1.Zone, ring *keyring, seen dnssec.Parent, c conclusion) (ctrl.Result, error) {
	now := r.clock.Now()
	_, err := hub.PatchStatus(ctx, r.client, zone, func(z *trafficv1alpha1.Zone) {
		switch {
		case c.over:
			z.Status.DNSSEC = nil
		case ring != nil:
			z.Status.DNSSEC = status(ring, seen, c.waits)
		}
		hub.SetCondition(&z.Status.Conditions, z.Generation, metav1.Condition{
			Type: trafficv1alpha1.ConditionSecure, Status: c.status(), Reason: c.reason, Message: c.message,
		})
	})
	if err != nil {
		return hub.Result(ctrl.Result{}, client.IgnoreNotFound(err))
	}
	wait := jitter(r.soon)
	if !c.again.IsZero() {
		wait = max(c.again.Sub(now), time.Second)
	}
	if c.over {
		return ctrl.Result{}, nil
	}
	return ctrl.Result{RequeueAfter: wait}, nil
}

// describe says which keys there are, without any of their text.
func describe(s dnssec.State) string {
	if len(s.Keys) == 0 {
		return "the zone has no keys any more"
	}
	var keys []string
	for i := range s.Keys {
		keys = append(keys, fmt.Sprintf("%s %s", s.Keys[i].ID, strings.ToLower(string(stateOf(&s.Keys[i])))))
	}
	return "keys: " + strings.Join(keys, ", ")
}

// dsOf is a key's DS record in presentation format, as it is given to a parent.
func dsOf(k *dns.DNSKEY) string {
	return strings.Join(strings.Fields(k.ToDS(dns.SHA256).String()), " ")
}
