package intents

const victimVariable = "PYLON_INTENTS_VICTIM"

func beVictim(string) {}
