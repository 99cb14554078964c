// Package leader says in which epoch this process leads, so that what it writes late can be told from
// what a later leader wrote: see controllers/core/epoch. It takes part in the election through a lock
// with an identity of its own; electing is client-go's.
//
// The epoch is the version of the Lease at which this process was seen to hold it. The hub's API server
// counts versions upwards over all objects, so that every later leader's is higher, also after the Lease
// was deleted and made anew, and no clock has a part in it.
package leader

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/uuid"
	coordinationclient "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/utils/ptr"

	"github.com/seaway-io/seaway/controllers/core/epoch"
)

// ErrNotLeading says that another process holds the Lease, or none does.
var ErrNotLeading = errors.New("this process does not lead any more")

// requestTime is for one request to the Lease: well below the time in which it must be renewed.
const requestTime = 5 * time.Second

// Term is the time for which this process leads. A nil Term is that of a process without leader
// election, which has no rival. It is safe for concurrent use.
type Term struct {
	identity string
	read     func(context.Context) (*coordinationv1.Lease, error)

	mu    sync.Mutex
	epoch int64
}

// NewTerm is the term of the process that holds a Lease under an identity.
func NewTerm(identity string, read func(context.Context) (*coordinationv1.Lease, error)) *Term {
	return &Term{identity: identity, read: read}
}

// Elect returns the lock by which this process takes part in the election for a Lease, and its term.
func Elect(config *rest.Config, namespace, name string) (resourcelock.Interface, *Term, error) {
	config = rest.CopyConfig(config)
	config.Timeout = requestTime
	client, err := coordinationclient.NewForConfig(config)
	if err != nil {
		return nil, nil, fmt.Errorf("client of the leader's lease: %w", err)
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, nil, fmt.Errorf("name of this host: %w", err)
	}
	identity := host + "_" + string(uuid.NewUUID())
	lock := &resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Namespace: namespace, Name: name},
		Client:     client,
		LockConfig: resourcelock.ResourceLockConfig{Identity: identity},
	}
	return lock, NewTerm(identity, func(ctx context.Context) (*coordinationv1.Lease, error) {
		return client.Leases(namespace).Get(ctx, name, metav1.GetOptions{})
	}), nil
}

// Epoch in which this process leads; epoch.Alone without leader election. The error is ErrNotLeading
// when it is found not to.
func (t *Term) Epoch(ctx context.Context) (int64, error) {
	if t == nil {
		return epoch.Alone, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.epoch != 0 {
		return t.epoch, nil
	}
	version, err := t.held(ctx)
	if err != nil {
		return 0, err
	}
	t.epoch = version
	return version, nil
}

// Outlast is asked when something is stored with a later epoch than this process leads in. Mostly
// another leads by now, and the error is ErrNotLeading. But if this process still holds the Lease, what
// is stored is from another life of the hub, as from a backup, or was edited: it then leads in an epoch
// beyond that, which is returned.
func (t *Term) Outlast(ctx context.Context, stored int64) (int64, error) {
	if t == nil {
		return epoch.Alone, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, err := t.held(ctx); err != nil {
		return 0, err
	}
	t.epoch = max(t.epoch, stored+1)
	return t.epoch, nil
}

// held is the version of the Lease, which this process holds.
func (t *Term) held(ctx context.Context) (int64, error) {
	lease, err := t.read(ctx)
	if err != nil {
		return 0, fmt.Errorf("get the leader's lease: %w", err)
	}
	if ptr.Deref(lease.Spec.HolderIdentity, "") != t.identity {
		return 0, ErrNotLeading
	}
	version, err := strconv.ParseInt(lease.ResourceVersion, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("resourceVersion %q of the leader's lease is not a number, so that no epoch can be made of it", lease.ResourceVersion)
	}
	return version, nil
}
