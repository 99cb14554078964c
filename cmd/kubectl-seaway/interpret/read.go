package interpret

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	configv1alpha1 "github.com/seaway-io/seaway/api/config/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// read reads the files that the flags name.
func (f *flags) read(stdin io.Reader, replicas bool) (*Trial, error) {
	if f.operation != "" && !known(f.operation) {
		return nil, fmt.Errorf("--operation: there is no operation %q; there are %s", f.operation, operations())
	}
	t := &Trial{Operation: configv1alpha1.InterpreterOperation(f.operation)}
	if replicas {
		t.Replicas = &f.replicas
	}
	for _, name := range f.customizations {
		if err := t.readCustomizations(name, stdin); err != nil {
			return nil, fmt.Errorf("-f %s: %w", name, err)
		}
	}
	var err error
	if t.Desired, err = readObject(f.desired); err != nil {
		return nil, fmt.Errorf("--desired-file: %w", err)
	}
	if t.Observed, err = readObject(f.observed); err != nil {
		return nil, fmt.Errorf("--observed-file: %w", err)
	}
	if f.items != "" {
		if t.Items, err = readItems(f.items); err != nil {
			return nil, fmt.Errorf("--status-file: %w", err)
		}
	}
	return t, nil
}

// documents are the documents of a file, as JSON or YAML, without the empty ones.
func documents(r io.Reader) ([][]byte, error) {
	var out [][]byte
	for reader := utilyaml.NewYAMLReader(bufio.NewReader(r)); ; {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		if content, err := yaml.YAMLToJSON(document); err != nil {
			return nil, err
		} else if string(bytes.TrimSpace(content)) != "null" {
			out = append(out, document)
		}
	}
}

func file(name string) ([][]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return documents(f)
}

func (t *Trial) readCustomizations(name string, stdin io.Reader) error {
	read := func() ([][]byte, error) { return file(name) }
	if name == "-" {
		read = func() ([][]byte, error) { return documents(stdin) }
	}
	all, err := read()
	if err != nil {
		return err
	}
	for _, document := range all {
		var c configv1alpha1.ResourceInterpreterCustomization
		if err := yaml.UnmarshalStrict(document, &c); err != nil {
			return err
		}
		if c.Kind != "ResourceInterpreterCustomization" || c.APIVersion != configv1alpha1.GroupVersion.String() {
			return fmt.Errorf("holds a %s %s; a ResourceInterpreterCustomization of %s is needed", c.APIVersion, c.Kind, configv1alpha1.GroupVersion)
		}
		t.Customizations = append(t.Customizations, c)
	}
	return nil
}

// readObject reads the only object of a file; nil for no file.
func readObject(name string) (*unstructured.Unstructured, error) {
	if name == "" {
		return nil, nil
	}
	all, err := file(name)
	if err != nil {
		return nil, err
	}
	if len(all) != 1 {
		return nil, fmt.Errorf("%s: holds %d objects, one is needed", name, len(all))
	}
	data, err := yaml.YAMLToJSON(all[0])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	obj := &unstructured.Unstructured{}
	if err := obj.UnmarshalJSON(data); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return obj, nil
}

// readItems reads items from documents that are an item or a list of items each.
func readItems(name string) ([]workv1alpha2.AggregatedStatusItem, error) {
	all, err := file(name)
	if err != nil {
		return nil, err
	}
	items := []workv1alpha2.AggregatedStatusItem{}
	for _, document := range all {
		var list []workv1alpha2.AggregatedStatusItem
		if yaml.Unmarshal(document, &list) == nil {
			items = append(items, list...)
			continue
		}
		var item workv1alpha2.AggregatedStatusItem
		if err := yaml.UnmarshalStrict(document, &item); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		items = append(items, item)
	}
	return items, nil
}
