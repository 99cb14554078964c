package quota

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// Exceeded is the error of a growth that a quota has no room for. It lasts until something else gives way.
type Exceeded struct {
	Namespace, Quota string
	over             []excess
}

type excess struct {
	name                  corev1.ResourceName
	requested, used, hard resource.Quantity
}

// Error names the quota and of each resource that is short what was requested, used and the limit.
func (e *Exceeded) Error() string {
	list := func(of func(excess) resource.Quantity) string {
		parts := make([]string, len(e.over))
		for i, x := range e.over {
			q := of(x)
			parts[i] = string(x.name) + "=" + q.String()
		}
		return strings.Join(parts, ",")
	}
	return fmt.Sprintf("FederatedResourceQuota(%s/%s) exceeded: requested: %s, used: %s, limited: %s", e.Namespace, e.Quota,
		list(func(x excess) resource.Quantity { return x.requested }),
		list(func(x excess) resource.Quantity { return x.used }),
		list(func(x excess) resource.Quantity { return x.hard }))
}

// Crowded is the error of a growth that comes while too many others are under way. It passes.
type Crowded struct {
	Namespace, Quota string
}

// Error says to try again.
func (e *Crowded) Error() string {
	return fmt.Sprintf("FederatedResourceQuota(%s/%s) has %d placements under way; try again in a moment", e.Namespace, e.Quota, MaxPending)
}
