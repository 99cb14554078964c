// Package estimate answers, for every connected member: how many more replicas of a workload fit, how
// many whole sets of one with several components, and how many replicas wait in vain for a node.
//
// It follows the nodes, pods and quotas of each member through the member's shared watches and answers
// from memory, so that placing a workload does not wait for a member. What is kept of a pod on a node
// is a record of some hundred bytes; the sums per node are in controllers/core/estimate, which decides.
// A member whose watches have not arrived, or that is out of reach, is unknown rather than guessed.
//
// The same answers are served over gRPC as Karmada's estimator service, and external estimators that
// speak it can be asked as well; see the package wire. What is done with an estimate is not known here.
package estimate

import (
	"errors"
	"fmt"
	"time"

	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/seaway-io/seaway/controllers/member"
)

// DefaultTimeout is how long external estimators have to answer.
const DefaultTimeout = 3 * time.Second

// Options of the estimator.
type Options struct {
	// Members are the connections to follow.
	Members *member.Pool
	// Clock is the real one when nil.
	Clock clock.PassiveClock
	// Timeout bounds a question; DefaultTimeout when 0.
	Timeout time.Duration
	// Serve offers the estimator service to others; nil does not.
	Serve *Serve
	// Remote asks external estimators too; nil asks none.
	Remote *Remote
}

func (o Options) withDefaults() Options {
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	return o
}

// Setup adds an estimator to the manager. It follows the members, and serves, while this process is
// the leader.
func Setup(mgr ctrl.Manager, o Options) (*Estimator, error) {
	if o.Members == nil {
		return nil, errors.New("set up the estimator: there are no members to follow")
	}
	e, err := newEstimator(o, o.Members.Subscribe, func(name string) (connection, error) {
		m, err := o.Members.Member(name)
		if err != nil {
			return nil, err // not a nil *Member in an interface
		}
		return m, nil
	})
	if err != nil {
		return nil, fmt.Errorf("set up the estimator: %w", err)
	}
	registerMetrics()
	if err := mgr.Add(e.follower); err != nil {
		return nil, fmt.Errorf("set up the estimator: %w", err)
	}
	if o.Serve == nil {
		return e, nil
	}
	s, err := newServer(e, *o.Serve)
	if err != nil {
		return nil, fmt.Errorf("set up the estimator: %w", err)
	}
	if err := mgr.Add(s); err != nil {
		return nil, fmt.Errorf("set up the estimator: %w", err)
	}
	return e, nil
}

func newEstimator(o Options, subscribe func(func(string)), connect func(string) (connection, error)) (*Estimator, error) {
	e := &Estimator{options: o.withDefaults()}
	if o.Remote != nil {
		var err error
		if e.remotes, err = newRemotes(*o.Remote); err != nil {
			return nil, err
		}
	}
	e.follower = &follower{subscribe: subscribe, connect: connect, gone: e.remotes.forget, ledgers: map[string]*ledger{}}
	return e, nil
}
