package quota

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
)

// Aggregate collects what the clusters say of their shares, by cluster, from the Works that are applied. A
// status that makes no sense is left out and told; it hides no other.
func Aggregate(works []workv1alpha1.Work) ([]policyv1alpha1.ClusterQuotaStatus, error) {
	var out []policyv1alpha1.ClusterQuotaStatus
	var errs []error
	for i := range works {
		work := &works[i]
		cluster, ok := names.ClusterFromExecutionNamespace(work.Namespace)
		if !ok || !meta.IsStatusConditionTrue(work.Status.Conditions, workv1alpha1.WorkApplied) || len(work.Status.ManifestStatuses) == 0 {
			continue
		}
		status := work.Status.ManifestStatuses[0].Status
		if status == nil || len(status.Raw) == 0 {
			continue
		}
		item := policyv1alpha1.ClusterQuotaStatus{ClusterName: cluster}
		if err := json.Unmarshal(status.Raw, &item.ResourceQuotaStatus); err != nil {
			errs = append(errs, fmt.Errorf("cluster %s: status of the ResourceQuota: %w", cluster, err))
			continue
		}
		out = append(out, item)
	}
	slices.SortFunc(out, func(a, b policyv1alpha1.ClusterQuotaStatus) int { return cmp.Compare(a.ClusterName, b.ClusterName) })
	return out, errors.Join(errs...)
}

// OverallUsed is the use of what the quota bounds. Ledger is nil for a quota that is not enforced over all
// clusters: then it is what the clusters say of their shares. Otherwise it is the ledger's total; the
// clusters still tell what no request does, such as the number of pods.
func OverallUsed(overall corev1.ResourceList, ledger *Ledger, clusters []policyv1alpha1.ClusterQuotaStatus) corev1.ResourceList {
	said := corev1.ResourceList{}
	for i := range clusters {
		add(said, clusters[i].Used)
	}
	if ledger == nil {
		return canonical(said)
	}
	total, out := ledger.Total(), corev1.ResourceList{}
	for key := range overall {
		if name, ok := Requested(key); ok {
			out[key] = total[name]
		} else if q, ok := said[key]; ok {
			out[key] = q
		}
	}
	return canonical(out)
}
