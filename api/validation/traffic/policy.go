package traffic

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	dnsvalidation "k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/api/validation"
)

// Defaults of a TrafficPolicy, as in its schema.
const (
	DefaultInterval           = time.Second
	DefaultTimeout            = 800 * time.Millisecond
	DefaultUnhealthyAfter     = 2
	DefaultHealthyAfter       = 3
	DefaultMoveWorkloadsAfter = 15 * time.Second
	DefaultMaxUnavailable     = "34%"
	DefaultStableFor          = 5 * time.Minute
	DefaultStepPercent        = 25
	DefaultStepEvery          = 30 * time.Second
	DefaultTTL                = 10 * time.Second
	DefaultMaxAnswers         = 2
)

// DefaultPolicy fills in what the schema would have filled in.
func DefaultPolicy(p *trafficv1alpha1.TrafficPolicy) {
	s := &p.Spec
	for i := range s.TargetRefs {
		setString(&s.TargetRefs[i].Kind, "Service")
	}
	if s.Steering.Strategy == "" {
		s.Steering.Strategy = trafficv1alpha1.StrategyGeo
	}
	setDuration(&s.Health.Interval, DefaultInterval)
	setDuration(&s.Health.Timeout, DefaultTimeout)
	setInt(&s.Health.UnhealthyAfter, DefaultUnhealthyAfter)
	setInt(&s.Health.HealthyAfter, DefaultHealthyAfter)
	if s.Health.Probe != nil {
		if s.Health.Probe.HTTP != nil {
			setString(&s.Health.Probe.HTTP.Path, "/")
		}
		if s.Health.Probe.HTTPS != nil {
			setString(&s.Health.Probe.HTTPS.Path, "/")
		}
	}
	setDuration(&s.Failover.MoveWorkloadsAfter, DefaultMoveWorkloadsAfter)
	if s.Failover.MaxUnavailableClusters == nil {
		most := intstr.FromString(DefaultMaxUnavailable)
		s.Failover.MaxUnavailableClusters = &most
	}
	setDuration(&s.Failover.Failback.StableFor, DefaultStableFor)
	setInt(&s.Failover.Failback.StepPercent, DefaultStepPercent)
	setDuration(&s.Failover.Failback.StepEvery, DefaultStepEvery)
	setDuration(&s.DNS.TTL, DefaultTTL)
	setInt(&s.DNS.MaxAnswers, DefaultMaxAnswers)
}

func setString(to *string, value string) {
	if *to == "" {
		*to = value
	}
}

func setDuration(to **metav1.Duration, value time.Duration) {
	if *to == nil {
		*to = &metav1.Duration{Duration: value}
	}
}

func setInt(to **int32, value int32) {
	if *to == nil {
		*to = &value
	}
}

// ValidatePolicy says what is wrong with a TrafficPolicy whose defaults are filled in. old is nil for
// a new one.
func ValidatePolicy(new, old *trafficv1alpha1.TrafficPolicy) field.ErrorList {
	spec := field.NewPath("spec")
	errs := validateHostnames(new.Spec.Hostnames, spec.Child("hostnames"))
	errs = append(errs, validateTargets(new.Spec.TargetRefs, spec.Child("targetRefs"))...)
	errs = append(errs, validateSteering(&new.Spec.Steering, spec.Child("steering"))...)
	errs = append(errs, validateHealth(&new.Spec.Health, spec.Child("health"))...)
	errs = append(errs, validateFailover(&new.Spec.Failover, spec.Child("failover"))...)
	errs = append(errs, validateCapacity(&new.Spec, spec)...)
	errs = append(errs, validateDrains(new.Spec.Drain, spec.Child("drain"))...)
	if r := new.Spec.Residency; r != nil {
		errs = append(errs, validation.ValidateClusterAffinity(&r.ClusterAffinity, spec.Child("residency", "clusterAffinity"))...)
	}
	if h := new.Spec.Hold; h != nil && h.Until.IsZero() {
		errs = append(errs, field.Required(spec.Child("hold", "until"), "write when the hold ends, such as 2026-01-31T18:00:00Z; a hold without an end would be forgotten"))
	}
	return append(errs, validateDNS(&new.Spec.DNS, spec.Child("dns"))...)
}

func validateHostnames(hostnames []string, path *field.Path) (errs field.ErrorList) {
	if len(hostnames) == 0 {
		return field.ErrorList{field.Required(path, "name at least one host name")}
	}
	for i, h := range hostnames {
		at := path.Index(i)
		base := strings.TrimPrefix(h, "*.")
		if msgs := dnsvalidation.IsDNS1123Subdomain(base); len(msgs) > 0 {
			errs = append(errs, field.Invalid(at, h, "must be a host name in lower case without the trailing dot, such as shop.example.com or *.shop.example.com"))
		} else if msg := longLabel(base); msg != "" {
			errs = append(errs, field.Invalid(at, h, msg))
		}
		if slices.Contains(hostnames[:i], h) {
			errs = append(errs, field.Duplicate(at, h))
		}
	}
	return errs
}

func validateTargets(refs []trafficv1alpha1.TargetRef, path *field.Path) (errs field.ErrorList) {
	if len(refs) != 1 {
		return field.ErrorList{field.Invalid(path, len(refs), "name exactly one target")}
	}
	if refs[0].Name == "" {
		errs = append(errs, field.Required(path.Index(0).Child("name"), "name the Service that receives the requests"))
	}
	return errs
}

func validateSteering(s *trafficv1alpha1.Steering, path *field.Path) (errs field.ErrorList) {
	strategies := []trafficv1alpha1.Strategy{trafficv1alpha1.StrategyGeo, trafficv1alpha1.StrategyWeighted,
		trafficv1alpha1.StrategyOrdered, trafficv1alpha1.StrategyEqual}
	if !slices.Contains(strategies, s.Strategy) {
		errs = append(errs, field.NotSupported(path.Child("strategy"), s.Strategy, strategies))
	}
	errs = append(errs, onlyWith(s.Strategy, trafficv1alpha1.StrategyOrdered, len(s.Tiers), path.Child("tiers"))...)
	errs = append(errs, onlyWith(s.Strategy, trafficv1alpha1.StrategyWeighted, len(s.Weights), path.Child("weights"))...)
	errs = append(errs, validateWeighing(s, path.Child("weighing"))...)
	for i := range s.Tiers {
		errs = append(errs, validation.ValidateClusterAffinity(&s.Tiers[i].ClusterAffinity, path.Child("tiers").Index(i).Child("clusterAffinity"))...)
	}
	weighs := false
	for i, w := range s.Weights {
		at := path.Child("weights").Index(i)
		errs = append(errs, validation.ValidateClusterAffinity(&s.Weights[i].ClusterAffinity, at.Child("clusterAffinity"))...)
		if w.Weight < 0 || w.Weight > 10000 {
			errs = append(errs, field.Invalid(at.Child("weight"), w.Weight, "must be from 0 to 10000"))
		}
		weighs = weighs || w.Weight > 0
	}
	if len(s.Weights) > 0 && !weighs {
		errs = append(errs, field.Invalid(path.Child("weights"), 0, "give at least one entry a weight above 0"))
	}
	return errs
}

func validateWeighing(s *trafficv1alpha1.Steering, path *field.Path) field.ErrorList {
	ways := []trafficv1alpha1.Weighing{trafficv1alpha1.WeighingReadyReplicas, trafficv1alpha1.WeighingEven}
	switch {
	case s.Weighing == "":
		return nil
	case !slices.Contains(ways, s.Weighing):
		return field.ErrorList{field.NotSupported(path, s.Weighing, ways)}
	case s.Strategy != trafficv1alpha1.StrategyGeo && s.Strategy != trafficv1alpha1.StrategyOrdered:
		return field.ErrorList{field.Forbidden(path, fmt.Sprintf("strategy %s weighs by itself; remove it or use strategy %s or %s",
			s.Strategy, trafficv1alpha1.StrategyGeo, trafficv1alpha1.StrategyOrdered))}
	}
	return nil
}

// MaxRequestsPerSecondPerReplica bounds what one replica is said to take.
const MaxRequestsPerSecondPerReplica = 1_000_000

func validateCapacity(s *trafficv1alpha1.TrafficPolicySpec, spec *field.Path) (errs field.ErrorList) {
	if s.Capacity != nil {
		n := &s.Capacity.RequestsPerSecondPerReplica
		if n.CmpInt64(MaxRequestsPerSecondPerReplica) > 0 || n.Cmp(resource.MustParse("1m")) < 0 {
			errs = append(errs, field.Invalid(spec.Child("capacity", "requestsPerSecondPerReplica"), n.String(),
				fmt.Sprintf("must be from 1m (0.001) to %d", MaxRequestsPerSecondPerReplica)))
		}
	}
	spillover, path := s.Steering.Spillover, spec.Child("steering", "spillover")
	if spillover == nil {
		return errs
	}
	if s.Steering.Strategy != trafficv1alpha1.StrategyGeo && s.Steering.Strategy != trafficv1alpha1.StrategyOrdered {
		errs = append(errs, field.Forbidden(path, fmt.Sprintf("strategy %s has no next tier; remove it or use strategy %s or %s",
			s.Steering.Strategy, trafficv1alpha1.StrategyGeo, trafficv1alpha1.StrategyOrdered)))
	}
	if s.Capacity == nil {
		errs = append(errs, field.Required(spec.Child("capacity"), "spec.steering.spillover needs to know what a replica takes; write requestsPerSecondPerReplica"))
	}
	return append(errs, validateRange(&spillover.TargetUtilization, 1, 100, path.Child("targetUtilization"))...)
}

func validateDrains(drains []trafficv1alpha1.Drain, path *field.Path) (errs field.ErrorList) {
	for i, d := range drains {
		at := path.Index(i).Child("cluster")
		if d.Cluster == "" {
			errs = append(errs, field.Required(at, "name the cluster to drain"))
		} else if slices.ContainsFunc(drains[:i], func(o trafficv1alpha1.Drain) bool { return o.Cluster == d.Cluster }) {
			errs = append(errs, field.Duplicate(at, d.Cluster))
		}
	}
	return errs
}

// onlyWith checks a list that one strategy needs and the others do not know.
func onlyWith(strategy, owner trafficv1alpha1.Strategy, items int, path *field.Path) field.ErrorList {
	switch {
	case strategy == owner && items == 0:
		return field.ErrorList{field.Required(path, fmt.Sprintf("strategy %s needs it", owner))}
	case strategy != owner && items > 0:
		return field.ErrorList{field.Forbidden(path, fmt.Sprintf("only with strategy %s; remove it or change the strategy", owner))}
	}
	return nil
}

func validateHealth(h *trafficv1alpha1.Health, path *field.Path) (errs field.ErrorList) {
	errs = append(errs, validatePositive(h.Interval, path.Child("interval"))...)
	errs = append(errs, validatePositive(h.Timeout, path.Child("timeout"))...)
	if len(errs) == 0 && h.Timeout.Duration > h.Interval.Duration {
		errs = append(errs, field.Invalid(path.Child("timeout"), h.Timeout.Duration.String(),
			fmt.Sprintf("must be at most the interval, %s; lower it or raise spec.health.interval", h.Interval.Duration)))
	}
	errs = append(errs, validateRange(h.UnhealthyAfter, 1, 100, path.Child("unhealthyAfter"))...)
	errs = append(errs, validateRange(h.HealthyAfter, 1, 100, path.Child("healthyAfter"))...)
	if h.Probe != nil {
		errs = append(errs, validateProbe(h.Probe, path.Child("probe"))...)
	}
	return errs
}

func validateProbe(p *trafficv1alpha1.Probe, path *field.Path) (errs field.ErrorList) {
	set := 0
	if p.HTTP != nil {
		set++
		errs = append(errs, validateHTTP(p.HTTP, path.Child("http"))...)
	}
	if p.HTTPS != nil {
		set++
		errs = append(errs, validateHTTP(&p.HTTPS.HTTPProbe, path.Child("https"))...)
	}
	if p.TCP != nil {
		set++
		errs = append(errs, validatePort(p.TCP.Port, path.Child("tcp", "port"))...)
	}
	if p.GRPC != nil {
		set++
		errs = append(errs, validateGRPC(p.GRPC, path.Child("grpc"))...)
	}
	if set != 1 {
		errs = append(errs, field.Invalid(path, set, "set exactly one of http, https, tcp and grpc"))
	}
	return errs
}

func validateHTTP(p *trafficv1alpha1.HTTPProbe, path *field.Path) (errs field.ErrorList) {
	if !strings.HasPrefix(p.Path, "/") || strings.ContainsFunc(p.Path, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		errs = append(errs, field.Invalid(path.Child("path"), p.Path, "must begin with / and hold no space"))
	}
	errs = append(errs, validateProbeHost(p.Host, path.Child("host"))...)
	return append(errs, validatePort(p.Port, path.Child("port"))...)
}

// maxGRPCService is the longest name of a service that is asked about.
const maxGRPCService = 253

func validateGRPC(p *trafficv1alpha1.GRPCProbe, path *field.Path) (errs field.ErrorList) {
	if len(p.Service) > maxGRPCService || strings.ContainsFunc(p.Service, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		errs = append(errs, field.Invalid(path.Child("service"), p.Service,
			fmt.Sprintf("must be the full name of a gRPC service, such as shop.v1.Cart, in at most %d ASCII characters without spaces", maxGRPCService)))
	}
	if p.InsecureSkipVerify && !p.TLS {
		errs = append(errs, field.Forbidden(path.Child("insecureSkipVerify"), "plain text has no certificate; remove it or set tls: true"))
	}
	errs = append(errs, validateProbeHost(p.Host, path.Child("host"))...)
	return append(errs, validatePort(p.Port, path.Child("port"))...)
}

func validateProbeHost(host string, path *field.Path) field.ErrorList {
	if host != "" && len(dnsvalidation.IsDNS1123Subdomain(strings.ToLower(host))) > 0 {
		return field.ErrorList{field.Invalid(path, host, "must be a host name, without a port")}
	}
	return nil
}

func validatePort(port *int32, path *field.Path) field.ErrorList {
	if port == nil {
		return nil
	}
	return validateRange(port, 1, 65535, path)
}

func validateFailover(f *trafficv1alpha1.Failover, path *field.Path) (errs field.ErrorList) {
	errs = append(errs, validatePositive(f.MoveWorkloadsAfter, path.Child("moveWorkloadsAfter"))...)
	errs = append(errs, validateShare(f.MaxUnavailableClusters, path.Child("maxUnavailableClusters"))...)
	path = path.Child("failback")
	errs = append(errs, validatePositive(f.Failback.StableFor, path.Child("stableFor"))...)
	errs = append(errs, validateRange(f.Failback.StepPercent, 1, 100, path.Child("stepPercent"))...)
	return append(errs, validatePositive(f.Failback.StepEvery, path.Child("stepEvery"))...)
}

func validateShare(value *intstr.IntOrString, path *field.Path) field.ErrorList {
	if value == nil {
		return field.ErrorList{field.Required(path, "write a number or a percentage")}
	}
	const fix = "must be a number of at least 0, or a percentage from 0% to 100%"
	if value.Type == intstr.Int {
		if value.IntVal < 0 {
			return field.ErrorList{field.Invalid(path, value.IntVal, fix)}
		}
		return nil
	}
	if n, err := intstr.GetScaledValueFromIntOrPercent(value, 100, false); err != nil || n < 0 || n > 100 {
		return field.ErrorList{field.Invalid(path, value.StrVal, fix)}
	}
	return nil
}

func validateDNS(d *trafficv1alpha1.DNS, path *field.Path) field.ErrorList {
	errs := validateTTL(d.TTL, time.Second, time.Hour, path.Child("ttl"))
	return append(errs, validateRange(d.MaxAnswers, 1, 16, path.Child("maxAnswers"))...)
}

func validatePositive(d *metav1.Duration, path *field.Path) field.ErrorList {
	if d == nil {
		return field.ErrorList{field.Required(path, "write a duration, such as 30s")}
	}
	if d.Duration <= 0 {
		return field.ErrorList{field.Invalid(path, d.Duration.String(), "must be more than 0, such as 30s")}
	}
	return nil
}

// validateTTL wants whole seconds, which is all that DNS can say.
func validateTTL(d *metav1.Duration, least, most time.Duration, path *field.Path) field.ErrorList {
	if d == nil {
		return field.ErrorList{field.Required(path, "write a duration, such as 30s")}
	}
	if d.Duration < least || d.Duration > most {
		return field.ErrorList{field.Invalid(path, d.Duration.String(), fmt.Sprintf("must be from %s to %s", least, most))}
	}
	if d.Duration%time.Second != 0 {
		return field.ErrorList{field.Invalid(path, d.Duration.String(), "must be whole seconds")}
	}
	return nil
}

func validateRange(n *int32, least, most int32, path *field.Path) field.ErrorList {
	if n == nil {
		return field.ErrorList{field.Required(path, fmt.Sprintf("write a number from %d to %d", least, most))}
	}
	if *n < least || *n > most {
		return field.ErrorList{field.Invalid(path, *n, fmt.Sprintf("must be from %d to %d", least, most))}
	}
	return nil
}
