package apiserver

import (
	"cmp"
	"context"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metatable "k8s.io/apimachinery/pkg/api/meta/table"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
)

// none stands for an empty value in a table.
const none = "<none>"

// columns of `kubectl get clusters`; those of priority 1 show with -o wide.
var columns = []metav1.TableColumnDefinition{
	{Name: "Name", Type: "string", Format: "name", Description: "Name of the cluster."},
	{Name: "Version", Type: "string", Description: "Kubernetes version of the cluster's API server."},
	{Name: "Mode", Type: "string", Description: "Push or Pull."},
	{Name: "Ready", Type: "string", Description: "Status of the condition Ready."},
	{Name: "Age", Type: "string", Description: "Time since the cluster was joined."},
	{Name: "Zones", Type: "string", Priority: 1, Description: "Zones of the cluster."},
	{Name: "Region", Type: "string", Priority: 1, Description: "Region of the cluster."},
	{Name: "Provider", Type: "string", Priority: 1, Description: "Provider of the cluster."},
	{Name: "API-Endpoint", Type: "string", Priority: 1, Description: "URL of the cluster's API server."},
	{Name: "Proxy-URL", Type: "string", Priority: 1, Description: "Proxy in front of the cluster."},
}

// tableConvertor prints Clusters as tables.
type tableConvertor struct{}

func (tableConvertor) ConvertToTable(_ context.Context, obj, options runtime.Object) (*metav1.Table, error) {
	table := &metav1.Table{}
	if o, ok := options.(*metav1.TableOptions); !ok || !o.NoHeaders {
		table.ColumnDefinitions = columns
	}
	if list, err := meta.ListAccessor(obj); err == nil {
		table.ResourceVersion = list.GetResourceVersion()
		table.Continue = list.GetContinue()
		table.RemainingItemCount = list.GetRemainingItemCount()
	} else if object, err := meta.CommonAccessor(obj); err == nil {
		table.ResourceVersion = object.GetResourceVersion()
	}
	var err error
	table.Rows, err = metatable.MetaToTableRow(obj, row)
	return table, err
}

func row(obj runtime.Object, _ metav1.Object, name, age string) ([]any, error) {
	cluster := obj.(*clusterv1alpha1.Cluster)
	ready := string(metav1.ConditionUnknown)
	if c := meta.FindStatusCondition(cluster.Status.Conditions, clusterv1alpha1.ClusterConditionReady); c != nil {
		ready = string(c.Status)
	}
	return []any{
		name,
		cluster.Status.KubernetesVersion,
		string(cluster.Spec.SyncMode),
		ready,
		age,
		cmp.Or(strings.Join(cluster.Spec.Zones, ","), none),
		cmp.Or(cluster.Spec.Region, none),
		cmp.Or(cluster.Spec.Provider, none),
		cluster.Spec.APIEndpoint,
		cmp.Or(cluster.Spec.ProxyURL, none),
	}, nil
}
