package fleet

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/seaway-io/seaway/test/fleet/binaries"
	"github.com/seaway-io/seaway/test/fleet/netplan"
)

// HubName is the name of the hub, as a cluster and as a host.
const HubName = "hub"

const switchName = "switch"

// Options says what fleet to start.
type Options struct {
	// Name tells fleets on one machine apart: a DNS label, "seaway" if empty. Namespaces are called
	// NAME.CLUSTER.
	Name string
	// Dir is the folder for stores, certificates, kubeconfigs and logs, one sub-folder a cluster. It is
	// made if absent; what a former fleet left there is removed.
	Dir string
	// Binaries is the folder with kube-apiserver, etcd and the others, from package binaries.
	Binaries string
	// Seaway is a program whose arguments `playground dataplane …` run dataplane.Command. If empty it is
	// the running program.
	Seaway string
	// Members are the clusters besides the hub.
	Members []MemberSpec
	// Flat lets pods of different members reach each other. Pod ranges must not overlap then.
	Flat bool
	// StartTimeout bounds Start and Revive; 2 minutes if zero.
	StartTimeout time.Duration
	// Log gets a line at each step. It may be nil.
	Log func(format string, args ...any)
}

// MemberSpec describes a member.
type MemberSpec struct {
	// Name is a DNS label.
	Name string
	// Region and Zones are put on the nodes as topology labels; nodes are spread over the zones in turn.
	Region string
	Zones  []string
	// Provider is put into the nodes' provider ID.
	Provider string
	// Nodes is the number of nodes; 2 if zero.
	Nodes int
	// Capacity is the size of a node; what is absent is taken from kwok.DefaultCapacity.
	Capacity corev1.ResourceList
	// PodCIDR and ServiceCIDR are IPv4 ranges; if empty the address plan chooses. They may be the same
	// in several members, as long as the fleet is not flat.
	PodCIDR, ServiceCIDR string
}

// complete fills in defaults and checks everything, without touching the machine.
func (o *Options) complete() ([]netplan.Cluster, error) {
	if o.Name == "" {
		o.Name = "seaway"
	}
	if o.StartTimeout == 0 {
		o.StartTimeout = 2 * time.Minute
	}
	if o.Log == nil {
		o.Log = func(string, ...any) {}
	}
	o.Members = slices.Clone(o.Members)
	var errs []error
	if problems := validation.IsDNS1123Label(o.Name); len(problems) > 0 {
		errs = append(errs, fmt.Errorf("option Name %q: %s", o.Name, strings.Join(problems, "; ")))
	}
	errs = append(errs, o.completePaths(), o.checkMembers())
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("start fleet: %w", err)
	}
	plans := make([]netplan.Cluster, len(o.Members))
	for i := range o.Members {
		plan, err := planMember(&o.Members[i], i+1)
		if err != nil {
			errs = append(errs, fmt.Errorf("option Members[%d] (%s): %w", i, o.Members[i].Name, err))
		}
		plans[i] = plan
	}
	if o.Flat {
		errs = append(errs, checkFlat(o.Members, plans))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("start fleet: %w", err)
	}
	return plans, nil
}

// completePaths makes the paths absolute: processes are started with them from anywhere.
func (o *Options) completePaths() error {
	if o.Dir == "" {
		return errors.New("option Dir: a folder is required")
	}
	if o.Seaway == "" {
		self, err := os.Executable()
		if err != nil {
			return fmt.Errorf("option Seaway: %w", err)
		}
		o.Seaway = self
	}
	for field, path := range map[string]*string{"Dir": &o.Dir, "Binaries": &o.Binaries, "Seaway": &o.Seaway} {
		absolute, err := filepath.Abs(*path)
		if err != nil {
			return fmt.Errorf("option %s: %w", field, err)
		}
		*path = absolute
	}
	for _, name := range binaries.Names {
		if _, err := os.Stat(filepath.Join(o.Binaries, name)); err != nil {
			return fmt.Errorf("option Binaries: %w (package binaries finds or builds them)", err)
		}
	}
	if _, err := os.Stat(o.Seaway); err != nil {
		return fmt.Errorf("option Seaway: %w", err)
	}
	return nil
}

func (o *Options) checkMembers() error {
	var errs []error
	if len(o.Members) > netplan.MaxMembers {
		errs = append(errs, fmt.Errorf("option Members: at most %d", netplan.MaxMembers))
	}
	seen := map[string]bool{HubName: true, switchName: true}
	for i, member := range o.Members {
		field := fmt.Sprintf("option Members[%d].Name %q", i, member.Name)
		if problems := validation.IsDNS1123Label(member.Name); len(problems) > 0 {
			errs = append(errs, fmt.Errorf("%s: %s", field, strings.Join(problems, "; ")))
		}
		if seen[member.Name] {
			errs = append(errs, fmt.Errorf("%s: is taken", field))
		}
		seen[member.Name] = true
		if member.Nodes < 0 {
			errs = append(errs, fmt.Errorf("option Members[%d].Nodes: %d is negative", i, member.Nodes))
		}
	}
	return errors.Join(errs...)
}

// planMember completes the specification with the plan's ranges and the plan with the specification's.
func planMember(member *MemberSpec, n int) (netplan.Cluster, error) {
	var pods, services netip.Prefix
	for _, r := range []struct {
		field, value string
		to           *netip.Prefix
	}{{"PodCIDR", member.PodCIDR, &pods}, {"ServiceCIDR", member.ServiceCIDR, &services}} {
		if r.value == "" {
			continue
		}
		prefix, err := netip.ParsePrefix(r.value)
		if err != nil {
			return netplan.Cluster{}, fmt.Errorf("field %s: %w", r.field, err)
		}
		if !prefix.Addr().Is4() || prefix.Overlaps(netplan.Network) {
			return netplan.Cluster{}, fmt.Errorf("field %s: %s must be IPv4 and apart from the segment %s", r.field, prefix, netplan.Network)
		}
		*r.to = prefix
	}
	if member.Nodes == 0 {
		member.Nodes = 2
	}
	plan := netplan.Member(n, pods, services)
	member.PodCIDR, member.ServiceCIDR = plan.Pods.String(), plan.Services.String()
	if plan.Pods.Overlaps(plan.Services) {
		return plan, fmt.Errorf("field PodCIDR: %s overlaps ServiceCIDR %s", plan.Pods, plan.Services)
	}
	if _, err := netplan.NodePods(plan.Pods, member.Nodes-1); err != nil {
		return plan, fmt.Errorf("field PodCIDR: %w", err)
	}
	return plan, nil
}

func checkFlat(members []MemberSpec, plans []netplan.Cluster) error {
	var errs []error
	for i, a := range plans {
		for j, b := range plans[:i] {
			if a.Pods.Overlaps(b.Pods) {
				errs = append(errs, fmt.Errorf("option Flat: PodCIDR %s of %s overlaps %s of %s", a.Pods, members[i].Name, b.Pods, members[j].Name))
			}
		}
	}
	return errors.Join(errs...)
}
