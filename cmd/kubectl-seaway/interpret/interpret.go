// Package interpret is `kubectl seaway interpret`: try the scripts that explain a kind on this machine,
// before a hub knows them. It runs them as the hub does, shut in and metered, and asks no hub.
package interpret

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	configv1alpha1 "github.com/seaway-io/seaway/api/config/v1alpha1"
	"github.com/seaway-io/seaway/api/validation"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/interpret"
	"github.com/seaway-io/seaway/controllers/core/interpret/bundled"
	"github.com/seaway-io/seaway/controllers/core/interpret/lua"
)

// flags are where the parts of the question are.
type flags struct {
	customizations           []string
	operation                string
	desired, observed, items string
	replicas                 int32
	check                    bool
}

// Command is `kubectl seaway interpret`.
func Command() *cobra.Command {
	var f flags
	cmd := &cobra.Command{
		Use:   "interpret -f CUSTOMIZATION",
		Short: "Try the Lua scripts of a ResourceInterpreterCustomization on this machine",
		Example: `  # do the scripts compile?
  kubectl seaway interpret -f customization.yaml --check

  # run every script for which there are arguments
  kubectl seaway interpret -f customization.yaml --desired-file fleet.yaml --desired-replica 3

  # run one
  kubectl seaway interpret -f customization.yaml --operation Retain --desired-file fleet.yaml --observed-file member.yaml

  # what is built in for a kind
  kubectl seaway interpret --desired-file deployment.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			t, err := f.read(cmd.InOrStdin(), cmd.Flags().Changed("desired-replica"))
			if err != nil {
				return err
			}
			if f.check {
				return Check(cmd.OutOrStdout(), t.Customizations)
			}
			return t.Run(cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringArrayVarP(&f.customizations, "filename", "f", nil, "file with ResourceInterpreterCustomizations, - for standard input; may be repeated")
	cmd.Flags().BoolVar(&f.check, "check", false, "only compile the scripts and say what is wrong")
	cmd.Flags().StringVar(&f.operation, "operation", "", "run this operation only: "+operations())
	cmd.Flags().StringVar(&f.desired, "desired-file", "", "file with the object as the hub wants it")
	cmd.Flags().StringVar(&f.observed, "observed-file", "", "file with the object as a member has it")
	cmd.Flags().StringVar(&f.items, "status-file", "", "file with the items of an aggregated status: a list, or a document each")
	cmd.Flags().Int32Var(&f.replicas, "desired-replica", 0, "number of replicas for ReviseReplica")
	return cmd
}

func operations() string {
	names := make([]string, len(lua.Operations))
	for i, operation := range lua.Operations {
		names[i] = string(operation)
	}
	return strings.Join(names, ", ")
}

// Trial is what is asked, and of what.
type Trial struct {
	Customizations []configv1alpha1.ResourceInterpreterCustomization
	// Operation is the only one to run; all for which there are arguments when empty.
	Operation configv1alpha1.InterpreterOperation
	// Desired and Observed are the object; one of them may be nil.
	Desired, Observed *unstructured.Unstructured
	// Items are the statuses for AggregateStatus; nil when not given.
	Items []workv1alpha2.AggregatedStatusItem
	// Replicas is for ReviseReplica; nil when not given.
	Replicas *int32
}

// ErrWrong is returned when a script does not compile or gives no answer.
var ErrWrong = errors.New("something is wrong with the scripts")

// Check says of each script whether it compiles and counts.
func Check(w io.Writer, customizations []configv1alpha1.ResourceInterpreterCustomization) error {
	if len(customizations) == 0 {
		return errors.New("--check: name a customization with -f")
	}
	table := lua.Build(customizations, lua.DefaultLimits, nil)
	wrong := 0
	for i := range customizations {
		c := &customizations[i]
		kind := target(c)
		fmt.Fprintf(w, "%s, for %s %s\n", c.Name, c.Spec.Target.APIVersion, c.Spec.Target.Kind)
		for _, err := range validation.ValidateCustomization(c) {
			fmt.Fprintf(w, "  [!!] %v\n", err)
			wrong++
		}
		for _, operation := range lua.Operations {
			for _, script := range table.Scripts(kind, operation) {
				if field, mine := strings.CutPrefix(script, c.Name+"/"); mine {
					fmt.Fprintf(w, "  [ok] %s: %s\n", field, lua.Function(operation))
				}
			}
		}
		for _, fault := range table.Faults() {
			if fault.Customization == c.Name {
				fmt.Fprintf(w, "  [!!] %s: %v\n", fault.Field, fault.Err)
				wrong++
			}
		}
	}
	if wrong > 0 {
		return fmt.Errorf("%w: %d found", ErrWrong, wrong)
	}
	return nil
}

func target(c *configv1alpha1.ResourceInterpreterCustomization) schema.GroupVersionKind {
	return schema.FromAPIVersionAndKind(c.Spec.Target.APIVersion, c.Spec.Target.Kind)
}

// run is what one script has used.
type run struct {
	script, function string
	used             lua.Usage
}

// Run runs the operations and writes a YAML document for each answer.
func (t *Trial) Run(w io.Writer) error {
	obj := t.Desired
	if obj == nil {
		obj = t.Observed
	}
	if obj == nil {
		return errors.New("name the object with --desired-file or --observed-file")
	}
	var runs []run
	table := lua.Build(t.Customizations, lua.DefaultLimits, nil)
	for _, fault := range table.Faults() {
		return fmt.Errorf("%s: %w", fault.Customization, fault.Err)
	}
	observe := func(script, function string, used lua.Usage) { runs = append(runs, run{script, function, used}) }
	i := interpret.New(table.Observe(observe), bundled.Table().Observe(observe))
	wrong, ran := 0, 0
	for _, operation := range lua.Operations {
		if t.Operation != "" && t.Operation != operation {
			continue
		}
		if !i.Handles(obj.GroupVersionKind(), operation) {
			if t.Operation != "" {
				return fmt.Errorf("nobody answers %s for %s", operation, obj.GroupVersionKind())
			}
			continue
		}
		if missing := t.missing(operation); missing != "" {
			if t.Operation != "" {
				return fmt.Errorf("%s needs %s", operation, missing)
			}
			continue
		}
		runs, ran = nil, ran+1
		answer, err := t.ask(i, operation, obj)
		if err := write(w, ran, operation, runs, answer, err); err != nil {
			return err
		}
		if err != nil {
			wrong++
		}
	}
	switch {
	case wrong > 0:
		return fmt.Errorf("%w: %d of %d gave no answer", ErrWrong, wrong, ran)
	case ran == 0:
		return fmt.Errorf("nobody answers anything for %s", obj.GroupVersionKind())
	}
	return nil
}

// missing names the argument without which an operation can not run.
func (t *Trial) missing(operation configv1alpha1.InterpreterOperation) string {
	switch {
	case operation == configv1alpha1.InterpreterOperationReviseReplica && t.Replicas == nil:
		return "--desired-replica"
	case operation == configv1alpha1.InterpreterOperationAggregateStatus && t.Items == nil:
		return "--status-file"
	case operation == configv1alpha1.InterpreterOperationRetain && t.Desired == nil:
		return "--desired-file"
	case operation == configv1alpha1.InterpreterOperationRetain && t.Observed == nil:
		return "--observed-file"
	}
	return ""
}

// ask returns the answer in the form in which it is written.
func (t *Trial) ask(i *interpret.Interpreter, operation configv1alpha1.InterpreterOperation, obj *unstructured.Unstructured) (any, error) {
	obj = obj.DeepCopy()
	switch operation {
	case configv1alpha1.InterpreterOperationInterpretReplica:
		replicas, requirements, err := i.Replicas(obj)
		return map[string]any{"replicas": replicas, "requirements": requirements}, err
	case configv1alpha1.InterpreterOperationInterpretComponent:
		components, err := i.Components(obj)
		return map[string]any{"components": components}, err
	case configv1alpha1.InterpreterOperationReviseReplica:
		revised, err := i.ReviseReplica(obj, *t.Replicas)
		return content(revised), err
	case configv1alpha1.InterpreterOperationRetain:
		retained, err := i.Retain(t.Desired.DeepCopy(), t.Observed.DeepCopy())
		return content(retained), err
	case configv1alpha1.InterpreterOperationAggregateStatus:
		aggregated, err := i.AggregateStatus(obj, t.Items)
		return content(aggregated), err
	case configv1alpha1.InterpreterOperationInterpretStatus:
		status, err := i.Status(obj)
		return map[string]any{"status": status}, err
	case configv1alpha1.InterpreterOperationInterpretHealth:
		health, err := i.Health(obj)
		return map[string]any{"health": health}, err
	}
	dependencies, err := i.Dependencies(obj)
	return map[string]any{"dependencies": dependencies}, err
}

func content(obj *unstructured.Unstructured) any {
	if obj == nil {
		return nil
	}
	return obj.Object
}

// write writes one answer, with what it took in comments above it.
func write(w io.Writer, n int, operation configv1alpha1.InterpreterOperation, runs []run, answer any, failure error) error {
	if n > 1 {
		fmt.Fprintln(w, "---")
	}
	if len(runs) == 0 {
		fmt.Fprintf(w, "# %s: built in\n", operation)
	}
	limits := lua.DefaultLimits
	for _, r := range runs {
		fmt.Fprintf(w, "# %s: %s of %s, %d of %d steps, %d of %d bytes\n", operation, r.function, r.script, r.used.Steps, limits.Steps, r.used.Bytes, limits.Bytes)
		for _, line := range r.used.Printed {
			fmt.Fprintf(w, "# printed: %s\n", strings.ReplaceAll(line, "\n", "\n#          "))
		}
	}
	if failure != nil {
		_, err := fmt.Fprintf(w, "# error: %s\n", strings.ReplaceAll(failure.Error(), "\n", " "))
		return err
	}
	data, err := yaml.Marshal(answer)
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

// known says whether there is such an operation.
func known(operation string) bool {
	return slices.Contains(lua.Operations, configv1alpha1.InterpreterOperation(operation))
}
