package feed

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/engine"
)

const (
	// Heartbeat of the reports, and how long they count without one.
	heartbeat   = 10 * time.Second
	leaseFor    = 30 * time.Second
	reportEvery = 100 * time.Millisecond // at most so often, with whatever has changed meanwhile
	reportTime  = 2 * time.Second        // for one request
	// reportShare: which generations are in force waits until this many times as long as the last
	// report took has passed, so that reporting takes a small share of the hub's time however much changes.
	// It waits for patience at most.
	reportShare = 10
	patience    = heartbeat / 2
	// perReport is how many verdicts one object holds: some 200 octets each. It is far below what the hub
	// can store in one, since each change writes a whole object.
	perReport = 1000
)

const fieldManager = "seaway-dns"

// reporter writes what this server sees to the hub: the moment it changes, and as a heartbeat.
type reporter struct {
	client  rest.Interface
	vantage string
	report  func() engine.Report
	failed  func(error)
	trigger chan struct{}

	sent []sentPart // objects as they were written last

	mu sync.Mutex
	// wrote are the renew times of the last reports, by which they are known when they come back.
	wrote [16]time.Time
	next  int
}

// sentPart is what one object says, and since when it does.
type sentPart struct {
	spec trafficv1alpha1.EndpointHealthSpec
	at   time.Time
}

// says reports whether the object that was written says the same, and will for a while.
func (p sentPart) says(spec *trafficv1alpha1.EndpointHealthSpec) bool {
	same := p.spec
	same.RenewTime = spec.RenewTime
	return p.counts(spec) && reflect.DeepEqual(&same, spec)
}

// judges reports whether the object that was written has the same verdicts, and will count for a while. What is
// in force may be something else by now.
func (p sentPart) judges(spec *trafficv1alpha1.EndpointHealthSpec) bool {
	return p.counts(spec) && p.spec.CutOffSince.Equal(spec.CutOffSince) &&
		slices.EqualFunc(p.spec.Plans, spec.Plans, func(a, b trafficv1alpha1.PlanHealth) bool {
			a.Generation = b.Generation
			return reflect.DeepEqual(a, b)
		})
}

func (p sentPart) counts(spec *trafficv1alpha1.EndpointHealthSpec) bool {
	return spec.RenewTime.Sub(p.at) < heartbeat
}

// run reports until the context ends.
func (r *reporter) run(ctx context.Context) {
	wait := leastWait
	var whole time.Time // from when on all that has changed is written, and not only verdicts
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.trigger:
		case <-timer.C:
		}
		began := time.Now()
		urgent := began.Before(whole)
		left, err := r.write(ctx, began, urgent)
		if ctx.Err() != nil {
			return
		}
		r.failed(err)
		next, pause := heartbeat, reportEvery
		if err != nil {
			next, pause = wait, wait
			wait = min(2*wait, mostWait)
		} else {
			wait = leastWait
			now := time.Now()
			if !urgent {
				whole = now.Add(min(reportShare*now.Sub(began), patience))
			}
			if left {
				next = whole.Sub(now)
			}
		}
		timer.Reset(next)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// write writes the report, in as many objects as it takes. Those that say the same as before wait for
// their heartbeat: of a large report little changes at a time. If it is urgent, those with the same
// verdicts wait as well; left says that there are some.
func (r *reporter) write(ctx context.Context, now time.Time, urgent bool) (left bool, err error) {
	now = now.Truncate(time.Microsecond)
	r.remember(now)
	report := r.report()
	parts := divide(report.Plans)
	for i, part := range parts {
		spec := trafficv1alpha1.EndpointHealthSpec{
			VantagePoint:         r.vantage,
			Kind:                 trafficv1alpha1.VantageNameServer,
			RenewTime:            metav1.NewMicroTime(now),
			LeaseDurationSeconds: int32(leaseFor / time.Second),
			Plans:                part,
		}
		if i == 0 {
			spec.Zones = report.Zones
		}
		if !report.CutOff.IsZero() {
			since := metav1.NewMicroTime(report.CutOff)
			spec.CutOffSince = &since
		}
		if i < len(r.sent) {
			if r.sent[i].says(&spec) {
				continue
			}
			if urgent && r.sent[i].judges(&spec) {
				left = true
				continue
			}
		}
		if err := r.apply(ctx, partName(r.vantage, i), spec); err != nil {
			return left, fmt.Errorf("reporting: %w", cause(ctx, err))
		}
		if i == len(r.sent) {
			r.sent = append(r.sent, sentPart{})
		}
		r.sent[i] = sentPart{spec, now}
	}
	for len(r.sent) > len(parts) {
		last := len(r.sent) - 1
		if err := r.drop(ctx, partName(r.vantage, last)); err != nil {
			return left, fmt.Errorf("reporting: %w", cause(ctx, err))
		}
		r.sent = r.sent[:last]
	}
	return left, nil
}

// divide divides a report so that no part is too large. There is always one part.
func divide(plans []trafficv1alpha1.PlanHealth) [][]trafficv1alpha1.PlanHealth {
	var parts [][]trafficv1alpha1.PlanHealth
	begin, size := 0, 0
	for i, p := range plans {
		// A plan without endpoints takes its room as well.
		n := len(p.Endpoints) + 1
		if size > 0 && size+n > perReport {
			parts = append(parts, plans[begin:i])
			begin, size = i, 0
		}
		size += n
	}
	return append(parts, plans[begin:])
}

func partName(vantage string, part int) string {
	if part == 0 {
		return vantage
	}
	return fmt.Sprintf("%s-%d", vantage, part)
}

// apply writes one object, whether it is there or not, with one request.
func (r *reporter) apply(ctx context.Context, name string, spec trafficv1alpha1.EndpointHealthSpec) error {
	ctx, cancel := context.WithTimeout(ctx, reportTime)
	defer cancel()
	h := &trafficv1alpha1.EndpointHealth{
		TypeMeta:   metav1.TypeMeta{APIVersion: trafficv1alpha1.GroupVersion.String(), Kind: "EndpointHealth"},
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       spec,
	}
	body, err := json.Marshal(h)
	if err != nil {
		return err
	}
	return r.client.Patch(types.ApplyPatchType).Resource(reportResource).Name(name).
		Param("fieldManager", fieldManager).Param("force", "true").Body(body).Do(ctx).Error()
}

// drop deletes a part that is not needed any more.
func (r *reporter) drop(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, reportTime)
	defer cancel()
	err := r.client.Delete().Resource(reportResource).Name(name).Do(ctx).Error()
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// remember keeps the last few renew times.
func (r *reporter) remember(t time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wrote[r.next%len(r.wrote)] = t
	r.next++
}

// ours reports whether a renew time is one of the last that were written here.
func (r *reporter) ours(t time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.wrote[:], t.Equal)
}
