package notifydtest

import (
	"context"
	"encoding/json"
	"time"

	"notifyd"
)

// What the calls of clients/cases.md take.
type given struct {
	Notify   notifyd.Notify          `json:"notify"`
	Notifies []notifyd.Notify        `json:"notifies"`
	Fkey     string                  `json:"fkey"`
	Data     map[string]interface{}  `json:"data"`
	DelayMs  int64                   `json:"delay_ms"`
	Remember int64                   `json:"remember_ms"`
	ID       string                  `json:"id"`
	WaitMs   int64                   `json:"wait_ms"`
	Paused   bool                    `json:"paused"`
	Filter   notifyd.Filter          `json:"filter"`
	DryRun   bool                    `json:"dry_run"`
	Prefix   string                  `json:"prefix"`
	Limit    int                     `json:"limit"`
	Mode     notifyd.Mode            `json:"mode"`
	Name     string                  `json:"name"`
	Topic    string                  `json:"topic"`
	Event    notifyd.NewEvent        `json:"event"`
	Events   []notifyd.NewTopicEvent `json:"events"`
	Group    notifyd.NewGroup        `json:"group"`
	IfMatch  string                  `json:"if_match"`
	Patch    json.RawMessage         `json:"patch"`
	Filters  json.RawMessage         `json:"filters"`
	Method   string                  `json:"method"`
	Path     string                  `json:"path"`
	Query    map[string]interface{}  `json:"query"`
	JSON     interface{}             `json:"json"`
}

func (g *given) wait() time.Duration { return time.Duration(g.WaitMs) * time.Millisecond }

type outcome = func(*arguments, *notifyd.Client) (interface{}, string, error)

// with makes an outcome of a call to the client.
func with(call func(context.Context, *notifyd.Client, *given, *arguments) (interface{}, string, error)) outcome {
	return func(a *arguments, c *notifyd.Client) (interface{}, string, error) {
		g := &given{}
		a.into(g)
		return call(context.Background(), c, g, a)
	}
}

// patched reads a patch: what is null in it goes to Null.
func patched(a *arguments, text json.RawMessage, out interface{}) (null []string) {
	fields := map[string]json.RawMessage{}
	if err := decode(text, &fields); err != nil {
		a.t.Fatal(err)
	}
	for name, value := range fields {
		if string(value) == "null" {
			null = append(null, name)
		}
	}
	if err := decode(text, out); err != nil {
		a.t.Fatal(err)
	}
	return null
}

func counted(count int64, err error) (interface{}, string, error) {
	return map[string]int64{"count": count}, "", err
}

var calls = map[string]outcome{
	"submit": with(func(ctx context.Context, c *notifyd.Client, g *given, _ *arguments) (interface{}, string, error) {
		return plain(c.Submit(ctx, g.Notify))
	}),
	"submit_and_wait": with(func(ctx context.Context, c *notifyd.Client, g *given, _ *arguments) (interface{}, string, error) {
		return plain(c.SubmitAndWait(ctx, g.Notify, g.wait()))
	}),
	"submit_batch": with(func(ctx context.Context, c *notifyd.Client, g *given, _ *arguments) (interface{}, string, error) {
		return plain(c.SubmitBatch(ctx, g.Notifies))
	}),
	"submit_stream": with(func(ctx context.Context, c *notifyd.Client, g *given, a *arguments) (interface{}, string, error) {
		notifies := make(chan notifyd.Notify, len(g.Notifies))
		for _, notify := range g.Notifies {
			notifies <- notify
		}
		close(notifies)
		stream := c.SubmitStream(ctx, notifies)
		return taken(a, stream.Next, stream.Line, stream.Err)
	}),
	"trigger": with(func(ctx context.Context, c *notifyd.Client, g *given, _ *arguments) (interface{}, string, error) {
		var body *notifyd.Trigger
		if g.Data != nil || g.DelayMs != 0 {
			body = &notifyd.Trigger{Data: g.Data, DelayMs: g.DelayMs}
		}
		if g.Remember != 0 {
			return plain(c.TriggerOrRemember(ctx, g.Fkey, body, time.Duration(g.Remember)*time.Millisecond))
		}
		return plain(c.Trigger(ctx, g.Fkey, body))
	}),
	"get": with(func(ctx context.Context, c *notifyd.Client, g *given, _ *arguments) (interface{}, string, error) {
		return viewed(c.Get(ctx, g.ID))
	}),
	"get_fkey": with(func(ctx context.Context, c *notifyd.Client, g *given, _ *arguments) (interface{}, string, error) {
		return viewed(c.GetFkey(ctx, g.Fkey))
	}),
	"wait": with(func(ctx context.Context, c *notifyd.Client, g *given, _ *arguments) (interface{}, string, error) {
		return viewed(c.Wait(ctx, g.ID, g.wait()))
	}),
	"response": with(func(ctx context.Context, c *notifyd.Client, g *given, _ *arguments) (interface{}, string, error) {
		return plain(c.Response(ctx, g.ID))
	}),
	"explain": with(func(ctx context.Context, c *notifyd.Client, g *given, _ *arguments) (interface{}, string, error) {
		return plain(c.Explain(ctx, g.ID))
	}),
	"list": with(func(ctx context.Context, c *notifyd.Client, g *given, a *arguments) (interface{}, string, error) {
		list := c.List(filtersOf(a, g.Filters))
		return taken(a, func() bool { return list.Next(ctx) }, list.Item, list.Err)
	}),
	"change": with(func(ctx context.Context, c *notifyd.Client, g *given, a *arguments) (interface{}, string, error) {
		var patch notifyd.NotifyPatch
		patch.Null = patched(a, g.Patch, &patch)
		return viewed(c.Change(ctx, g.ID, patch, g.IfMatch))
	}),
	"cancel": with(func(ctx context.Context, c *notifyd.Client, g *given, _ *arguments) (interface{}, string, error) {
		if g.IfMatch != "" {
			return viewed(c.CancelIfMatch(ctx, g.ID, g.IfMatch))
		}
		return viewed(c.Cancel(ctx, g.ID))
	}),
	"cancel_fkey": with(func(ctx context.Context, c *notifyd.Client, g *given, _ *arguments) (interface{}, string, error) {
		return viewed(c.CancelFkey(ctx, g.Fkey))
	}),
	"retry": with(func(ctx context.Context, c *notifyd.Client, g *given, _ *arguments) (interface{}, string, error) {
		if g.IfMatch != "" {
			return plain(c.RetryIfMatch(ctx, g.ID, g.IfMatch, g.Paused))
		}
		if g.Paused {
			return plain(c.RetryPaused(ctx, g.ID))
		}
		return plain(c.Retry(ctx, g.ID))
	}),
	"retry_matching": with(func(ctx context.Context, c *notifyd.Client, g *given, _ *arguments) (interface{}, string, error) {
		return counted(c.RetryMatching(ctx, notifyd.Bulk{Filter: g.Filter, DryRun: g.DryRun}))
	}),
	"cancel_matching": with(func(ctx context.Context, c *notifyd.Client, g *given, _ *arguments) (interface{}, string, error) {
		return counted(c.CancelMatching(ctx, notifyd.Bulk{Filter: g.Filter, DryRun: g.DryRun}))
	}),
	"purge_matching": with(func(ctx context.Context, c *notifyd.Client, g *given, _ *arguments) (interface{}, string, error) {
		return counted(c.PurgeMatching(ctx, notifyd.Bulk{Filter: g.Filter, DryRun: g.DryRun}))
	}),
	"lanes": with(func(ctx context.Context, c *notifyd.Client, g *given, a *arguments) (interface{}, string, error) {
		list := c.Lanes(g.Prefix, g.Limit)
		return taken(a, func() bool { return list.Next(ctx) }, list.Item, list.Err)
	}),
	"lane": with(func(ctx context.Context, c *notifyd.Client, g *given, _ *arguments) (interface{}, string, error) {
		return plain(c.Lane(ctx, g.Mode, g.Name))
	}),
	"change_lane": with(func(ctx context.Context, c *notifyd.Client, g *given, a *arguments) (interface{}, string, error) {
		var patch notifyd.LanePatch
		patch.Null = patched(a, g.Patch, &patch)
		return plain(c.ChangeLane(ctx, g.Mode, g.Name, patch))
	}),
	"pause_lane": with(func(ctx context.Context, c *notifyd.Client, g *given, _ *arguments) (interface{}, string, error) {
		return plain(c.PauseLane(ctx, g.Mode, g.Name))
	}),
	"resume_lane": with(func(ctx context.Context, c *notifyd.Client, g *given, _ *arguments) (interface{}, string, error) {
		return plain(c.ResumeLane(ctx, g.Mode, g.Name))
	}),
	"publish": with(func(ctx context.Context, c *notifyd.Client, g *given, _ *arguments) (interface{}, string, error) {
		return plain(c.Publish(ctx, g.Topic, g.Event))
	}),
	"publish_batch": with(func(ctx context.Context, c *notifyd.Client, g *given, _ *arguments) (interface{}, string, error) {
		return plain(c.PublishBatch(ctx, g.Events))
	}),
	"make_group": with(func(ctx context.Context, c *notifyd.Client, g *given, _ *arguments) (interface{}, string, error) {
		return plain(c.MakeGroup(ctx, g.Group, g.wait()))
	}),
	"group": with(func(ctx context.Context, c *notifyd.Client, g *given, _ *arguments) (interface{}, string, error) {
		return plain(c.Group(ctx, g.ID, g.wait()))
	}),
	"groups": with(func(ctx context.Context, c *notifyd.Client, g *given, a *arguments) (interface{}, string, error) {
		list := c.Groups(g.Limit)
		return taken(a, func() bool { return list.Next(ctx) }, list.Item, list.Err)
	}),
	"cancel_group": with(func(ctx context.Context, c *notifyd.Client, g *given, _ *arguments) (interface{}, string, error) {
		return plain(c.CancelGroup(ctx, g.ID))
	}),
	"request": with(func(ctx context.Context, c *notifyd.Client, g *given, _ *arguments) (interface{}, string, error) {
		var out json.RawMessage
		err := c.Call(ctx, g.Method, g.Path, queryOf(g.Query), g.JSON, &out)
		return out, "", err
	}),
}

// filtersOf reads the filters of a list: there a single state or label may stand without its list.
func filtersOf(a *arguments, text json.RawMessage) notifyd.Filters {
	fields := map[string]interface{}{}
	if err := decode(text, &fields); err != nil {
		a.t.Fatal(err)
	}
	for _, name := range []string{"state", "label"} {
		if one, ok := fields[name].(string); ok {
			fields[name] = []string{one}
		}
	}
	text, err := json.Marshal(fields)
	if err != nil {
		a.t.Fatal(err)
	}
	var out struct {
		notifyd.Filter
		Order string `json:"order"`
		Limit int    `json:"limit"`
	}
	if err := decode(text, &out); err != nil {
		a.t.Fatal(err)
	}
	return notifyd.Filters{Filter: out.Filter, Order: out.Order, Limit: out.Limit}
}
