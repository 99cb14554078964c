package webhook

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/quota"
	"github.com/seaway-io/seaway/controllers/hub"
)

const (
	// deskTime bounds the work for one batch; the API server waits for timeoutSeconds.
	deskTime = 2500 * time.Millisecond
	// deskTries is how often a batch is decided anew when another process wrote a ledger meanwhile.
	deskTries = 10
)

// quotaDesk decides about claims on the quotas of a namespace, with their ledgers as the API server has
// them. Claims that come while others are decided are decided together: one read, and one write per
// quota, for all of them. Namespaces do not wait for each other.
type quotaDesk struct {
	live   client.Reader
	client client.Client
	clock  clock.PassiveClock

	mu      sync.Mutex
	waiting map[string][]*claimant // by namespace; there is an entry while somebody is serving it
}

type claimant struct {
	claim  quota.Claim
	dryRun bool
	answer chan error
}

// decide returns nil when the claim is allowed, and then it is reserved.
func (d *quotaDesk) decide(ctx context.Context, namespace string, claim quota.Claim, dryRun bool) error {
	c := &claimant{claim: claim, dryRun: dryRun, answer: make(chan error, 1)}
	d.mu.Lock()
	if d.waiting == nil {
		d.waiting = map[string][]*claimant{}
	}
	queue, served := d.waiting[namespace]
	d.waiting[namespace] = append(queue, c)
	d.mu.Unlock()
	if !served {
		go d.serve(namespace)
	}
	select {
	case err := <-c.answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// serve answers until nobody waits.
func (d *quotaDesk) serve(namespace string) {
	for {
		d.mu.Lock()
		batch := d.waiting[namespace]
		if len(batch) == 0 {
			delete(d.waiting, namespace)
			d.mu.Unlock()
			return
		}
		d.waiting[namespace] = nil
		d.mu.Unlock()
		answers := d.settle(namespace, batch)
		for i, c := range batch {
			c.answer <- answers[i]
		}
	}
}

// settle decides a batch and writes the ledgers.
func (d *quotaDesk) settle(namespace string, batch []*claimant) []error {
	ctx, cancel := context.WithTimeout(context.Background(), deskTime)
	defer cancel()
	var answers []error
	var err error
	for range deskTries {
		var accounts []*quota.Account
		if accounts, err = d.accounts(ctx, namespace); err != nil {
			break
		}
		answers = d.admit(accounts, batch)
		if err = d.write(ctx, accounts); !apierrors.IsConflict(err) {
			break
		}
	}
	if err == nil {
		return answers
	}
	answers = make([]error, len(batch))
	for i := range answers {
		answers[i] = fmt.Errorf("quotas of namespace %s: %w", namespace, err)
	}
	return answers
}

// accounts are the quotas of a namespace, with the ledgers they have now.
func (d *quotaDesk) accounts(ctx context.Context, namespace string) ([]*quota.Account, error) {
	var quotas policyv1alpha1.FederatedResourceQuotaList
	if err := d.live.List(ctx, &quotas, client.InNamespace(namespace)); err != nil {
		return nil, err
	}
	var out []*quota.Account
	for i := range quotas.Items {
		q := &quotas.Items[i]
		if q.DeletionTimestamp != nil {
			continue
		}
		ledger, ok := quota.Read(q)
		if !ok {
			return nil, fmt.Errorf("the use of %s is not counted yet: %w", q.Name, errNotCounted)
		}
		out = append(out, &quota.Account{Quota: q, Ledger: ledger})
	}
	return out, nil
}

var errNotCounted = errors.New("try again in a moment")

// admit decides in the order in which claims came. A dry run is answered as if it were real, and leaves
// nothing behind.
func (d *quotaDesk) admit(accounts []*quota.Account, batch []*claimant) []error {
	answers := make([]error, len(batch))
	for i, c := range batch {
		asked := accounts
		if c.dryRun {
			asked = make([]*quota.Account, len(accounts))
			for j, a := range accounts {
				copied := *a
				asked[j] = &copied
			}
		}
		answers[i] = quota.Admit(asked, c.claim, d.clock.Now())
	}
	return answers
}

// write keeps the ledgers that changed.
func (d *quotaDesk) write(ctx context.Context, accounts []*quota.Account) error {
	for _, a := range accounts {
		before := a.Quota.DeepCopy()
		var failed error
		_, err := hub.Patch(ctx, d.client, before, func(q *policyv1alpha1.FederatedResourceQuota) { failed = a.Ledger.Write(q) })
		if err := errors.Join(failed, err); err != nil {
			return err
		}
	}
	return nil
}
