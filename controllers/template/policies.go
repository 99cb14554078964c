package template

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/claim"
)

// prepared keeps policies ready: each is checked and sorted once for all its templates.
type prepared struct {
	policies sync.Map // of types.NamespacedName to preparedPolicy
}

type preparedPolicy struct {
	uid     types.UID
	version string
	*claim.Policy
}

// get prepares the policy unless it has been, in this version.
func (c *prepared) get(p policyv1alpha1.Propagation) *claim.Policy {
	key := policyKey(p)
	if found, ok := c.policies.Load(key); ok {
		have := found.(preparedPolicy)
		if have.uid == p.GetUID() && have.version == p.GetResourceVersion() {
			return have.Policy
		}
	}
	fresh := claim.Prepare(p)
	c.policies.Store(key, preparedPolicy{uid: p.GetUID(), version: p.GetResourceVersion(), Policy: fresh})
	return fresh
}

func (c *prepared) forget(key types.NamespacedName) { c.policies.Delete(key) }

// policyKey names a policy of either kind: only cluster-scoped ones have no namespace.
func policyKey(p policyv1alpha1.Propagation) types.NamespacedName {
	return types.NamespacedName{Namespace: p.GetNamespace(), Name: p.GetName()}
}
