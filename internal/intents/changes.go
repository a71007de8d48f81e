package intents

import pylon "github.com/bittensor-pylon/pylon"

// Changes tells of every change of an intent that this process makes or records. A reader who is more than buffer events
// late (at least 2) loses the oldest; nobody waits for it. The function ends the events and closes the channel, as Close
// does.
func (e *Engine) Changes(buffer int) (<-chan pylon.IntentEvent, func()) { return e.news.Join(buffer) }
