/** 0 to 9, higher first, is ours. BullMQ's 1 is its most urgent, and its 0 would overtake every other. */
export const bullPriority = (priority = 0): number => 10 - priority
