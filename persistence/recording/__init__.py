"""From a running race into its journal, and from journals into the storage, without the race ever waiting."""
