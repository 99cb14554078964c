package traffic

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seaway-io/seaway/api/names"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// Target is what became of a policy's target on the hub.
type Target struct {
	// Reason is empty when the target is there, else UnsupportedKind, TargetNotFound or PortNotFound.
	Reason string
	// Message says what is wrong, or why a target that is there might never get an address.
	Message string
}

// ResolveTarget looks at a policy's target. service is the Service of that name in the policy's
// namespace on the hub, nil when there is none.
func ResolveTarget(ref trafficv1alpha1.TargetRef, service *corev1.Service) Target {
	if !IsService(ref) {
		return Target{trafficv1alpha1.ReasonUnsupportedKind, fmt.Sprintf(
			"spec.targetRefs[0]: %s can not receive requests; use a Service of type LoadBalancer", strings.Trim(ref.Group+"/"+ref.Kind, "/"))}
	}
	if service == nil {
		return Target{trafficv1alpha1.ReasonTargetNotFound, fmt.Sprintf(
			"spec.targetRefs[0].name: there is no Service %q in the policy's namespace; create it on the hub", ref.Name)}
	}
	var ports []string
	for _, p := range service.Spec.Ports {
		ports = append(ports, fmt.Sprintf("%q", p.Name))
	}
	named := slices.ContainsFunc(service.Spec.Ports, func(p corev1.ServicePort) bool { return p.Name == ref.SectionName })
	if ref.SectionName != "" && !named {
		return Target{trafficv1alpha1.ReasonPortNotFound, fmt.Sprintf(
			"spec.targetRefs[0].sectionName: Service %s has no port %q; it has %s", ref.Name, ref.SectionName, strings.Join(ports, ", "))}
	}
	if service.Spec.Type != corev1.ServiceTypeLoadBalancer {
		return Target{Message: fmt.Sprintf("the Service is of type %s on the hub; requests need type LoadBalancer", service.Spec.Type)}
	}
	return Target{}
}

// IsService says whether a target is of the kind that can receive requests.
func IsService(ref trafficv1alpha1.TargetRef) bool {
	return ref.Group == "" && (ref.Kind == "Service" || ref.Kind == "")
}

// conditions are Accepted, ResolvedRefs and, where there is or was a hold, Held.
func conditions(in Input) []metav1.Condition {
	out := []metav1.Condition{accepted(in), resolvedRefs(in)}
	switch hold := in.Policy.Spec.Hold; {
	case hold.InForce(in.Now):
		out = append(out, condition(trafficv1alpha1.ConditionHeld, true, trafficv1alpha1.ReasonHeld,
			because("until "+clock(hold.Until.Time)+" nothing but health changes where requests and workloads go", hold.Reason)))
	case hold != nil || meta.FindStatusCondition(in.Policy.Status.Conditions, trafficv1alpha1.ConditionHeld) != nil:
		out = append(out, condition(trafficv1alpha1.ConditionHeld, false, trafficv1alpha1.ReasonReleased, "automation goes on"))
	}
	return out
}

// resident is the condition that says whether the target runs outside of the namespace's wall, as it may
// until there is a place inside; nil where it never did. No request is answered with what does.
func (p *planner) resident() *metav1.Condition {
	var beyond []string
	for i := range p.endpoints {
		if e := &p.endpoints[i]; e.ReadyReplicas > 0 && !p.in.Wall.Inside(p.subjects[i].Cluster) {
			beyond = append(beyond, e.Cluster)
		}
	}
	if len(beyond) > 0 {
		c := condition(names.ConditionResident, false, names.ReasonResidencyViolated, fmt.Sprintf(
			"runs outside of the namespace's wall (%s: %s) in %s, where it receives nothing", names.ResidencyAnnotation, p.in.Wall, strings.Join(beyond, ", ")))
		return &c
	}
	if meta.FindStatusCondition(p.in.Policy.Status.Conditions, names.ConditionResident) == nil {
		return nil
	}
	c := condition(names.ConditionResident, true, names.ReasonResidencyKept, "nothing runs outside of a wall")
	return &c
}

func condition(kind string, status bool, reason, message string) metav1.Condition {
	c := metav1.Condition{Type: kind, Status: metav1.ConditionFalse, Reason: reason, Message: message}
	if status {
		c.Status = metav1.ConditionTrue
	}
	return c
}

// accepted is false as soon as one host name is refused, so that nobody overlooks it; the message
// says which ones are served nevertheless.
func accepted(in Input) metav1.Condition {
	const kind = trafficv1alpha1.ConditionAccepted
	if in.Invalid != "" {
		message := in.Invalid
		if in.Previous != nil {
			message += "; until then the last valid version stays in force"
		}
		return condition(kind, false, trafficv1alpha1.ReasonInvalid, message)
	}
	if len(in.Claims.Refused) == 0 {
		return condition(kind, true, trafficv1alpha1.ReasonAccepted, "all host names are in force")
	}
	var messages []string
	for _, r := range in.Claims.Refused {
		messages = append(messages, r.Message)
	}
	if len(in.Claims.Hostnames) > 0 {
		messages = append(messages, "in force: "+strings.Join(in.Claims.Hostnames, ", "))
	}
	return condition(kind, false, in.Claims.Refused[0].Reason, strings.Join(messages, "; "))
}

func resolvedRefs(in Input) metav1.Condition {
	const kind = trafficv1alpha1.ConditionResolvedRefs
	if in.Invalid != "" {
		return metav1.Condition{Type: kind, Status: metav1.ConditionUnknown, Reason: trafficv1alpha1.ReasonInvalid, Message: "not looked at while the policy is invalid"}
	}
	if in.Target.Reason != "" {
		return condition(kind, false, in.Target.Reason, in.Target.Message)
	}
	for _, m := range in.Clusters {
		if m.Known && m.Exists && (len(m.Addresses) > 0 || m.Hostname != "") {
			return condition(kind, true, trafficv1alpha1.ReasonResolved, "the target has an address")
		}
	}
	if in.Previous != nil && slices.ContainsFunc(in.Previous.Endpoints, func(e trafficv1alpha1.PlanEndpoint) bool { return reachable(&e) }) {
		return condition(kind, true, trafficv1alpha1.ReasonResolved, "the target has an address")
	}
	message := "the target has no address in any cluster yet"
	if in.Target.Message != "" {
		message += "; " + in.Target.Message
	}
	return condition(kind, false, trafficv1alpha1.ReasonNoEndpoints, message)
}

// Served is the generation of an object that is in force at a vantage point; 0 when it does not know
// the object.
type Served struct {
	VantagePoint string
	Generation   int64
}

// Programmed is the condition of an object that name servers carry out: true when all that are alive
// have taken over at least this generation. notInForce, when not empty, says why nothing is carried
// out.
func Programmed(generation int64, servers []Served, notInForce string) metav1.Condition {
	const kind = trafficv1alpha1.ConditionProgrammed
	if notInForce != "" {
		return condition(kind, false, trafficv1alpha1.ReasonNotAccepted, notInForce)
	}
	if len(servers) == 0 {
		return condition(kind, false, trafficv1alpha1.ReasonNoServers, "no name server is alive; start one, or look at its log")
	}
	var behind []string
	for _, s := range servers {
		if s.Generation < generation {
			behind = append(behind, s.VantagePoint)
		}
	}
	if len(behind) > 0 {
		slices.Sort(behind)
		return condition(kind, false, trafficv1alpha1.ReasonPending, "not yet taken over by name server "+strings.Join(behind, ", "))
	}
	return condition(kind, true, trafficv1alpha1.ReasonProgrammed, "all live name servers answer by the newest version")
}
