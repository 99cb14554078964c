package apiserver

import (
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
)

// DefaultCluster fills in and normalises a Cluster that is about to be stored; old is
// nil when it is created.
func DefaultCluster(cluster, old *clusterv1alpha1.Cluster, now metav1.Time) {
	spec := &cluster.Spec
	if spec.Zone != "" && len(spec.Zones) == 0 {
		spec.Zones, spec.Zone = []string{spec.Zone}, ""
	}
	for i := range spec.Taints {
		if taint := &spec.Taints[i]; taint.Effect == corev1.TaintEffectNoExecute && taint.TimeAdded == nil {
			taint.TimeAdded = &now
		}
	}
	if len(spec.ResourceModels) == 0 && old == nil {
		spec.ResourceModels = DefaultResourceModels()
		return
	}
	normalizeModels(spec.ResourceModels)
}

// unbounded is the upper bound of the last grade.
func unbounded() resource.Quantity { return *resource.NewQuantity(math.MaxInt64, resource.DecimalSI) }

// normalizeModels sorts the grades and opens the first and the last.
func normalizeModels(models []clusterv1alpha1.ResourceModel) {
	if len(models) == 0 {
		return
	}
	slices.SortStableFunc(models, func(a, b clusterv1alpha1.ResourceModel) int {
		return int(int64(a.Grade) - int64(b.Grade))
	})
	first, last := models[0].Ranges, models[len(models)-1].Ranges
	for i := range first {
		if !first[i].Min.IsZero() {
			first[i].Min = *resource.NewQuantity(0, first[i].Min.Format)
		}
	}
	for i := range last {
		if last[i].Max.Cmp(unbounded()) != 0 {
			last[i].Max = unbounded()
		}
	}
}

// DefaultResourceModels returns the nine grades a Cluster is created with.
func DefaultResourceModels() []clusterv1alpha1.ResourceModel {
	cores := []int64{0, 1, 2, 4, 8, 16, 32, 64, 128}
	gibibytes := []int64{0, 4, 16, 32, 64, 128, 256, 512, 1024}
	bound := func(bounds []int64, i int, format resource.Format, unit int64) resource.Quantity {
		if i == len(bounds) {
			return unbounded()
		}
		return *resource.NewQuantity(bounds[i]*unit, format)
	}
	models := make([]clusterv1alpha1.ResourceModel, len(cores))
	for i := range models {
		models[i] = clusterv1alpha1.ResourceModel{Grade: uint(i), Ranges: []clusterv1alpha1.ResourceModelRange{
			{
				Name: corev1.ResourceCPU,
				Min:  bound(cores, i, resource.DecimalSI, 1),
				Max:  bound(cores, i+1, resource.DecimalSI, 1),
			},
			{
				Name: corev1.ResourceMemory,
				Min:  bound(gibibytes, i, resource.BinarySI, 1<<30),
				Max:  bound(gibibytes, i+1, resource.BinarySI, 1<<30),
			},
		}}
	}
	return models
}

// ValidateCluster checks a Cluster; old is nil when it is created.
func ValidateCluster(cluster, old *clusterv1alpha1.Cluster) field.ErrorList {
	var errs field.ErrorList
	if old == nil {
		name := field.NewPath("metadata", "name")
		if len(cluster.Name) > names.ClusterNameMaxLength {
			errs = append(errs, field.TooLong(name, cluster.Name, names.ClusterNameMaxLength))
		}
		for _, msg := range validation.IsDNS1123Label(cluster.Name) {
			errs = append(errs, field.Invalid(name, cluster.Name, msg))
		}
	}
	path, spec := field.NewPath("spec"), &cluster.Spec
	errs = append(errs, validateConnection(path, spec)...)
	errs = append(errs, validatePlace(path, spec)...)
	errs = append(errs, validateTaints(path.Child("taints"), spec.Taints)...)
	return append(errs, validateModels(path.Child("resourceModels"), spec.ResourceModels)...)
}

func validateConnection(path *field.Path, spec *clusterv1alpha1.ClusterSpec) field.ErrorList {
	var errs field.ErrorList
	switch spec.SyncMode {
	case clusterv1alpha1.Push, clusterv1alpha1.Pull:
	case "":
		errs = append(errs, field.Required(path.Child("syncMode"), "must be Push or Pull"))
	default:
		errs = append(errs, field.NotSupported(path.Child("syncMode"), spec.SyncMode, []clusterv1alpha1.ClusterSyncMode{clusterv1alpha1.Push, clusterv1alpha1.Pull}))
	}
	if spec.APIEndpoint != "" {
		// The value is not repeated: it might hold a password.
		p := path.Child("apiEndpoint")
		switch u, err := url.Parse(spec.APIEndpoint); {
		case err != nil:
			errs = append(errs, field.Invalid(p, field.OmitValueType{}, "must be a URL, such as https://10.0.0.1:6443"))
		case u.Host == "":
			errs = append(errs, field.Invalid(p, spec.APIEndpoint, "must have a host, such as https://10.0.0.1:6443"))
		case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
			errs = append(errs, field.Invalid(p, field.OmitValueType{}, "must hold neither user, query nor fragment"))
		}
	}
	if spec.ProxyURL != "" {
		p := path.Child("proxyURL")
		switch u, err := url.Parse(spec.ProxyURL); {
		case err != nil:
			errs = append(errs, field.Invalid(p, field.OmitValueType{}, "must be a URL"))
		case !slices.Contains([]string{"http", "https", "socks5"}, u.Scheme):
			errs = append(errs, field.NotSupported(p, u.Scheme, []string{"http", "https", "socks5"}))
		}
	}
	errs = append(errs, validateReference(path.Child("secretRef"), spec.SecretRef)...)
	return append(errs, validateReference(path.Child("impersonatorSecretRef"), spec.ImpersonatorSecretRef)...)
}

func validateReference(path *field.Path, ref *clusterv1alpha1.LocalSecretReference) field.ErrorList {
	var errs field.ErrorList
	if ref == nil {
		return nil
	}
	if ref.Namespace == "" {
		errs = append(errs, field.Required(path.Child("namespace"), "must name the namespace of the Secret"))
	}
	if ref.Name == "" {
		errs = append(errs, field.Required(path.Child("name"), "must name the Secret"))
	}
	return errs
}

func validatePlace(path *field.Path, spec *clusterv1alpha1.ClusterSpec) field.ErrorList {
	var errs field.ErrorList
	label := func(p *field.Path, value string) {
		for _, msg := range validation.IsValidLabelValue(value) {
			errs = append(errs, field.Invalid(p, value, msg))
		}
	}
	label(path.Child("provider"), spec.Provider)
	label(path.Child("region"), spec.Region)
	label(path.Child("zone"), spec.Zone)
	for i, zone := range spec.Zones {
		label(path.Child("zones").Index(i), zone)
	}
	if spec.Zone != "" && len(spec.Zones) > 0 {
		errs = append(errs, field.Invalid(path.Child("zone"), spec.Zone, "must not be set together with zones; put it there"))
	}
	return errs
}

func validateTaints(path *field.Path, taints []corev1.Taint) field.ErrorList {
	var errs field.ErrorList
	type identity struct {
		key    string
		effect corev1.TaintEffect
	}
	seen := sets.New[identity]()
	effects := []corev1.TaintEffect{corev1.TaintEffectNoSchedule, corev1.TaintEffectPreferNoSchedule, corev1.TaintEffectNoExecute}
	for i, taint := range taints {
		p := path.Index(i)
		for _, msg := range validation.IsQualifiedName(taint.Key) {
			errs = append(errs, field.Invalid(p.Child("key"), taint.Key, msg))
		}
		for _, msg := range validation.IsValidLabelValue(taint.Value) {
			errs = append(errs, field.Invalid(p.Child("value"), taint.Value, msg))
		}
		if !slices.Contains(effects, taint.Effect) {
			errs = append(errs, field.NotSupported(p.Child("effect"), taint.Effect, effects))
		}
		id := identity{taint.Key, taint.Effect}
		if seen.Has(id) {
			errs = append(errs, field.Duplicate(p, fmt.Sprintf("%s:%s", taint.Key, taint.Effect)))
		}
		seen.Insert(id)
	}
	return errs
}

func validateModels(path *field.Path, models []clusterv1alpha1.ResourceModel) field.ErrorList {
	var errs field.ErrorList
	grades := sets.New[uint]()
	resources := func(m clusterv1alpha1.ResourceModel) string {
		var b strings.Builder
		for _, r := range m.Ranges {
			b.WriteString(string(r.Name) + ",")
		}
		return b.String()
	}
	for i, model := range models {
		p := path.Index(i)
		if grades.Has(model.Grade) {
			errs = append(errs, field.Duplicate(p.Child("grade"), model.Grade))
		}
		grades.Insert(model.Grade)
		if len(model.Ranges) == 0 {
			errs = append(errs, field.Required(p.Child("ranges"), "must give the range of at least one resource"))
		}
		if resources(model) != resources(models[0]) {
			errs = append(errs, field.Invalid(p.Child("ranges"), field.OmitValueType{}, "must name the same resources in the same order as the first model"))
			continue
		}
		for j, r := range model.Ranges {
			at := p.Child("ranges").Index(j)
			if r.Max.Cmp(r.Min) <= 0 {
				errs = append(errs, field.Invalid(at.Child("max"), r.Max.String(), "must be greater than min"))
			}
			if i == 0 && !r.Min.IsZero() {
				errs = append(errs, field.Invalid(at.Child("min"), r.Min.String(), "must be 0 in the first model"))
			}
			if i > 0 && models[i-1].Ranges[j].Max.Cmp(r.Min) != 0 {
				errs = append(errs, field.Invalid(at.Child("min"), r.Min.String(), "must be the max of the model before"))
			}
			if i == len(models)-1 && r.Max.Cmp(unbounded()) != 0 {
				errs = append(errs, field.Invalid(at.Child("max"), r.Max.String(), fmt.Sprintf("must be %d in the last model", int64(math.MaxInt64))))
			}
		}
	}
	return errs
}
