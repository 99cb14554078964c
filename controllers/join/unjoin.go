package join

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
)

// DefaultUnjoinWait is how long Unjoin waits for the controllers.
const DefaultUnjoinWait = time.Minute

// UnjoinOptions of Unjoin.
type UnjoinOptions struct {
	// Name of the Cluster.
	Name string
	// Hub reads and writes the hub.
	Hub client.Client
	// Member is a way into the member; nil: the credentials stored in the hub are used.
	Member *Member
	// Wait is how long the controllers may take to empty the member. Default:
	// DefaultUnjoinWait.
	Wait time.Duration
	// Force gives the member up after that, or at once when it is not Ready: the hub
	// forgets what it put there.
	Force bool
}

// UnjoinReport says what Unjoin could not do, and what follows from it.
type UnjoinReport struct {
	Notes []string
}

// Unjoin ends a membership: it deletes the Cluster, waits until the controllers have
// taken everything of the hub out of the member, and then removes the accounts that Join
// put there. When the member is out of reach, only Force ends it.
func Unjoin(ctx context.Context, o UnjoinOptions) (*UnjoinReport, error) {
	if o.Wait <= 0 {
		o.Wait = DefaultUnjoinWait
	}
	cluster := &clusterv1alpha1.Cluster{}
	if err := o.Hub.Get(ctx, client.ObjectKey{Name: o.Name}, cluster); err != nil {
		if apierrors.IsNotFound(err) {
			return nil, fmt.Errorf("the hub has no cluster %s; `kubectl get clusters` lists them", o.Name)
		}
		return nil, fmt.Errorf("read the Cluster %s: %w", o.Name, err)
	}
	// Read now: the Secret goes with the Cluster.
	member, err := o.wayIn(ctx, cluster)
	if err != nil && !o.Force {
		return nil, err
	}
	if err := o.Hub.Delete(ctx, cluster); client.IgnoreNotFound(err) != nil {
		return nil, fmt.Errorf("delete the Cluster %s: %w", o.Name, err)
	}
	report := &UnjoinReport{}
	if err := o.awaitRemoval(ctx, cluster, report); err != nil {
		return report, err
	}
	if err := o.removeSecrets(ctx); err != nil {
		return report, err
	}
	return report, o.cleanMember(ctx, member, report)
}

// wayIn returns how the member is reached: as the caller says, or as the hub does.
func (o UnjoinOptions) wayIn(ctx context.Context, cluster *clusterv1alpha1.Cluster) (*Member, error) {
	if o.Member != nil || cluster.Spec.SyncMode != clusterv1alpha1.Push {
		return o.Member, nil
	}
	ref := cluster.Spec.SecretRef
	if ref == nil {
		return nil, nil
	}
	secret := &corev1.Secret{}
	if err := o.Hub.Get(ctx, client.ObjectKey{Namespace: ref.Namespace, Name: ref.Name}, secret); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	config := &rest.Config{
		Host:        cluster.Spec.APIEndpoint,
		BearerToken: string(secret.Data[names.SecretKeyToken]),
		TLSClientConfig: rest.TLSClientConfig{
			Insecure: cluster.Spec.InsecureSkipTLSVerification,
		},
	}
	if !config.Insecure {
		config.CAData = secret.Data[names.SecretKeyCABundle]
	}
	if cluster.Spec.ProxyURL != "" {
		var err error
		if config.Proxy, err = proxyFunc(cluster.Spec.ProxyURL); err != nil {
			return nil, err
		}
	}
	return &Member{Config: config, Source: fmt.Sprintf("the Cluster %s", o.Name)}, nil
}

// awaitRemoval waits until the Cluster is gone; with Force, it helps.
func (o UnjoinOptions) awaitRemoval(ctx context.Context, cluster *clusterv1alpha1.Cluster, report *UnjoinReport) error {
	patience := o.Wait
	if o.Force && !meta.IsStatusConditionTrue(cluster.Status.Conditions, clusterv1alpha1.ClusterConditionReady) {
		patience = 0
	}
	err := o.await(ctx, patience, o.clusterGone)
	if err == nil || !wait.Interrupted(err) || ctx.Err() != nil {
		return err
	}
	if !o.Force {
		return o.stuck(ctx)
	}
	given, err := o.giveUpWorks(ctx)
	if err != nil {
		return err
	}
	if len(given) > 0 {
		report.Notes = append(report.Notes, fmt.Sprintf("gave up %d objects; they stay in the cluster: %s", len(given), strings.Join(given, ", ")))
	}
	// The controllers may end the rest by themselves now.
	if err := o.await(ctx, 5*time.Second, o.clusterGone); err == nil {
		return nil
	}
	return o.releaseCluster(ctx)
}

// await polls until the condition holds, or ends with an error for which
// wait.Interrupted holds.
func (o UnjoinOptions) await(ctx context.Context, patience time.Duration, done wait.ConditionWithContextFunc) error {
	if patience == 0 {
		if ok, err := done(ctx); ok || err != nil {
			return err
		}
		return wait.ErrorInterrupted(errors.New("not waiting"))
	}
	return wait.PollUntilContextTimeout(ctx, 200*time.Millisecond, patience, true, done)
}

func (o UnjoinOptions) clusterGone(ctx context.Context) (bool, error) {
	err := o.Hub.Get(ctx, client.ObjectKey{Name: o.Name}, &clusterv1alpha1.Cluster{})
	return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
}

// stuck says what holds a removal up.
func (o UnjoinOptions) stuck(ctx context.Context) error {
	var works workv1alpha1.WorkList
	if err := o.Hub.List(ctx, &works, client.InNamespace(names.ExecutionNamespace(o.Name))); err != nil {
		return fmt.Errorf("the cluster %s is not gone after %s, and its Works cannot be listed: %w", o.Name, o.Wait, err)
	}
	if len(works.Items) > 0 {
		return fmt.Errorf("the cluster %s is not gone after %s: %d Works are still to be taken out of it, the first is %s; "+
			"is the cluster reachable? If it is lost for good, unjoin it with --force", o.Name, o.Wait, len(works.Items), works.Items[0].Name)
	}
	return fmt.Errorf("the cluster %s is not gone after %s: bindings may still name it, or no controller runs; "+
		"wait, or unjoin it with --force", o.Name, o.Wait)
}

// giveUpWorks takes the finalizers off the cluster's Works, so that they end without
// anything being done in the member. It returns what they hold.
func (o UnjoinOptions) giveUpWorks(ctx context.Context) ([]string, error) {
	var works workv1alpha1.WorkList
	if err := o.Hub.List(ctx, &works, client.InNamespace(names.ExecutionNamespace(o.Name))); err != nil {
		return nil, fmt.Errorf("list the Works of the cluster %s: %w", o.Name, err)
	}
	var given []string
	for i := range works.Items {
		w := &works.Items[i]
		before := w.DeepCopy()
		w.Finalizers = nil
		if err := o.Hub.Patch(ctx, w, client.MergeFrom(before)); client.IgnoreNotFound(err) != nil {
			return given, fmt.Errorf("release the Work %s: %w", w.Name, err)
		}
		if err := o.Hub.Delete(ctx, w); client.IgnoreNotFound(err) != nil {
			return given, fmt.Errorf("delete the Work %s: %w", w.Name, err)
		}
		given = append(given, w.Name)
	}
	return given, nil
}

// releaseCluster ends the Cluster and its namespace without the controllers.
func (o UnjoinOptions) releaseCluster(ctx context.Context) error {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: names.ExecutionNamespace(o.Name)}}
	if err := o.Hub.Delete(ctx, namespace); client.IgnoreNotFound(err) != nil && !apierrors.IsConflict(err) {
		return fmt.Errorf("delete the namespace %s: %w", namespace.Name, err)
	}
	cluster := &clusterv1alpha1.Cluster{}
	if err := o.Hub.Get(ctx, client.ObjectKey{Name: o.Name}, cluster); err != nil {
		return client.IgnoreNotFound(err)
	}
	before := cluster.DeepCopy()
	if !controllerutil.RemoveFinalizer(cluster, names.ClusterFinalizer) {
		return fmt.Errorf("the cluster %s is held by finalizers of others: %s", o.Name, strings.Join(cluster.Finalizers, ", "))
	}
	if err := o.Hub.Patch(ctx, cluster, client.MergeFrom(before)); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("release the Cluster %s: %w", o.Name, err)
	}
	return nil
}

// removeSecrets removes the credentials. The garbage collector would, too; but a token
// is better gone now.
func (o UnjoinOptions) removeSecrets(ctx context.Context) error {
	for _, secret := range hubSecrets(o.Name, credentials{}) {
		if err := o.Hub.Delete(ctx, secret); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete the Secret %s/%s: %w", secret.Namespace, secret.Name, err)
		}
	}
	return nil
}

// cleanMember deletes the ClusterRole, which owns all that Join made there. The member's
// garbage collector does the rest.
func (o UnjoinOptions) cleanMember(ctx context.Context, m *Member, report *UnjoinReport) error {
	left := fmt.Sprintf("the accounts of the hub stay in the cluster: remove them with `kubectl delete clusterrole %s` there", names.MemberRole(o.Name))
	if m == nil {
		report.Notes = append(report.Notes, left)
		return nil
	}
	c, err := m.connect(ctx)
	if err == nil {
		role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: names.MemberRole(o.Name)}}
		err = client.IgnoreNotFound(c.Delete(ctx, role, client.PropagationPolicy(metav1.DeletePropagationBackground)))
	}
	if err == nil {
		return nil
	}
	report.Notes = append(report.Notes, left)
	if o.Force {
		return nil
	}
	return fmt.Errorf("the hub has let the cluster go, but %s: %w", left, err)
}
