package traffic

import (
	"context"
	"fmt"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/traffic"
)

// Indexes of the cache.
const (
	// byHostname finds policies by a host name they claim.
	byHostname = "traffic.hostname"
	// byDomain finds policies and plans by a host name or any name above it, and Zones by their
	// domain or any name above it.
	byDomain = "traffic.domain"
	// byExactDomain finds Zones by their domain.
	byExactDomain = "traffic.exactDomain"
	// byZone finds ZoneRecords by their Zone.
	byZone = "traffic.zone"
	// byTarget finds policies of a namespace by the name of their target.
	byTarget = "traffic.target"
	// byCluster finds plans by a cluster that they have an endpoint in.
	byCluster = "traffic.cluster"
)

func setupIndexes(ctx context.Context, indexer client.FieldIndexer) error {
	for _, index := range []struct {
		of   client.Object
		name string
		keys client.IndexerFunc
	}{
		{&trafficv1alpha1.TrafficPolicy{}, byHostname, func(o client.Object) []string { return o.(*trafficv1alpha1.TrafficPolicy).Spec.Hostnames }},
		{&trafficv1alpha1.TrafficPolicy{}, byDomain, func(o client.Object) []string { return domains(o.(*trafficv1alpha1.TrafficPolicy).Spec.Hostnames...) }},
		{&trafficv1alpha1.TrafficPolicy{}, byTarget, func(o client.Object) []string { return targets(o.(*trafficv1alpha1.TrafficPolicy)) }},
		{&trafficv1alpha1.TrafficPlan{}, byDomain, func(o client.Object) []string { return domains(o.(*trafficv1alpha1.TrafficPlan).Spec.Hostnames...) }},
		{&trafficv1alpha1.TrafficPlan{}, byCluster, func(o client.Object) []string { return clustersOf(o.(*trafficv1alpha1.TrafficPlan)) }},
		{&trafficv1alpha1.Zone{}, byDomain, func(o client.Object) []string { return domains(o.(*trafficv1alpha1.Zone).Spec.Domain) }},
		{&trafficv1alpha1.Zone{}, byExactDomain, func(o client.Object) []string { return []string{o.(*trafficv1alpha1.Zone).Spec.Domain} }},
		{&trafficv1alpha1.ZoneRecords{}, byZone, func(o client.Object) []string { return []string{o.(*trafficv1alpha1.ZoneRecords).Spec.Zone} }},
	} {
		if err := indexer.IndexField(ctx, index.of, index.name, index.keys); err != nil {
			return fmt.Errorf("index %T by %s: %w", index.of, index.name, err)
		}
	}
	return nil
}

func domains(hostnames ...string) []string {
	var out []string
	for _, h := range hostnames {
		out = slices.AppendSeq(out, traffic.Domains(h))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func targets(p *trafficv1alpha1.TrafficPolicy) []string {
	var out []string
	for _, ref := range p.Spec.TargetRefs {
		if traffic.IsService(ref) {
			out = append(out, ref.Name)
		}
	}
	return out
}

func clustersOf(p *trafficv1alpha1.TrafficPlan) []string {
	var out []string
	for _, e := range p.Spec.Endpoints {
		out = append(out, e.Cluster)
	}
	return out
}
