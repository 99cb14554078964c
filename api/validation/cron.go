package validation

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// cronField is one of the five fields of a cron line.
type cronField struct {
	name     string
	min, max int
	words    []string // words[i] stands for min+i
}

var cronFields = []cronField{
	{name: "minute", max: 59},
	{name: "hour", max: 23},
	{name: "day of month", min: 1, max: 31},
	{name: "month", min: 1, max: 12, words: []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}},
	{name: "day of week", max: 7, words: []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}},
}

var cronMacros = []string{"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"}

// checkCron says what is wrong with a cron line (POSIX crontab, with steps, names and macros).
func checkCron(line string) error {
	if strings.HasPrefix(line, "@") {
		if slices.Contains(cronMacros, line) {
			return nil
		}
		return fmt.Errorf("must be five fields or one of %s", strings.Join(cronMacros, ", "))
	}
	fields := strings.Fields(line)
	if len(fields) != len(cronFields) {
		return fmt.Errorf("must have five fields: minute, hour, day of month, month, day of week; it has %d", len(fields))
	}
	for i, text := range fields {
		for item := range strings.SplitSeq(text, ",") {
			if err := cronFields[i].check(item); err != nil {
				return fmt.Errorf("the %s %q %w", cronFields[i].name, item, err)
			}
		}
	}
	return nil
}

// check reads one item of a list: *, a value or a range, with or without a step.
func (f *cronField) check(item string) error {
	span, step, stepped := strings.Cut(item, "/")
	if stepped {
		if n, err := strconv.Atoi(step); err != nil || n < 1 {
			return errors.New("has a step that is no number above 0")
		}
	}
	if span == "*" || span == "?" {
		return nil
	}
	from, to, ranged := strings.Cut(span, "-")
	first, err := f.value(from)
	if err != nil || !ranged {
		return err
	}
	last, err := f.value(to)
	if err != nil {
		return err
	}
	if last < first {
		return errors.New("is a range that ends before it begins")
	}
	return nil
}

func (f *cronField) value(text string) (int, error) {
	if i := slices.Index(f.words, strings.ToUpper(text)); i >= 0 {
		return f.min + i, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < f.min || n > f.max {
		return 0, fmt.Errorf("must be from %d to %d", f.min, f.max)
	}
	return n, nil
}
